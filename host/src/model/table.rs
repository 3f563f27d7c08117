//! Values, and rows of them under column names that are given once.

use std::sync::Arc;

/// A single value. Dates, times and ids are text.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// Text, a date, a time or an id.
    Text(String),
}

impl Value {
    /// Returns the text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Tells whether Salesforce would call this field empty.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// Tells whether two values are the same to Salesforce, which stores an empty
    /// text as no value, trims the end of a text, and keeps one kind of number.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (a, b) if a.is_blank() || b.is_blank() => a.is_blank() && b.is_blank(),
            (Self::Text(a), Self::Text(b)) => {
                let lines = |text: &str| text.trim_end().replace("\r\n", "\n");
                lines(a) == lines(b)
            }
            #[allow(clippy::cast_precision_loss)]
            (Self::Integer(a), Self::Number(b)) | (Self::Number(b), Self::Integer(a)) => {
                *a as f64 == *b
            }
            (a, b) => a == b,
        }
    }
}

impl Value {
    /// Returns the value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(truth) => (*truth).into(),
            Self::Integer(number) => (*number).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Values under their names, in a fixed order.
pub type Fields = Vec<(String, Value)>;

/// Rows under shared column names; each row has one value for each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The names, shared by tables of the same shape.
    pub columns: Arc<[String]>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// Returns the place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_as_salesforce_stores_them() {
        assert!(Value::Null.same(&"".into()));
        assert!(Value::from("a\r\nb ").same(&"a\nb".into()));
        assert!(Value::Integer(5).same(&Value::Number(5.0)));
        assert!(!Value::from("a").same(&Value::Null));
        assert!(!Value::Boolean(false).same(&Value::Null));
        assert!(!Value::from("A").same(&"a".into()));
    }
}
