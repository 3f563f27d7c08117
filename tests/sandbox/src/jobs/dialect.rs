//! How a job's CSV is written: what parts its columns and ends its lines.

use csv::{QuoteStyle, Reader, ReaderBuilder, Terminator, Writer, WriterBuilder};

const DELIMITERS: [(&str, u8); 6] = [
    ("BACKQUOTE", b'`'),
    ("CARET", b'^'),
    ("COMMA", b','),
    ("PIPE", b'|'),
    ("SEMICOLON", b';'),
    ("TAB", b'\t'),
];

/// A dialect of CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    delimiter: usize,
    /// Whether lines end in CRLF.
    pub(crate) crlf: bool,
}

impl Default for Dialect {
    /// Commas and LF.
    fn default() -> Self {
        Self { delimiter: 2, crlf: false }
    }
}

impl Dialect {
    /// Returns the dialect by its names on the wire.
    pub(crate) fn named(delimiter: &str, line_ending: &str) -> Option<Self> {
        let delimiter = DELIMITERS.iter().position(|(name, _)| *name == delimiter)?;
        let crlf = match line_ending {
            "LF" => false,
            "CRLF" => true,
            _ => return None,
        };
        Some(Self { delimiter, crlf })
    }

    /// Returns the delimiter's name on the wire.
    pub(crate) fn delimiter_name(self) -> &'static str {
        DELIMITERS[self.delimiter].0
    }

    /// Returns the line ending's name on the wire.
    pub(crate) fn line_ending_name(self) -> &'static str {
        if self.crlf { "CRLF" } else { "LF" }
    }

    /// Returns whether the first line of a file ends as it should. A file
    /// without any line end fits both.
    pub(crate) fn fits(self, file: &[u8]) -> bool {
        let Some(end) = file.iter().position(|byte| *byte == b'\n') else {
            return true;
        };
        file[..end].ends_with(b"\r") == self.crlf
    }

    /// Returns a reader of rows; the header is a row like the others.
    pub(crate) fn reader(self, file: &[u8]) -> Reader<&[u8]> {
        ReaderBuilder::new()
            .delimiter(DELIMITERS[self.delimiter].1)
            .has_headers(false)
            .flexible(true)
            .from_reader(file)
    }

    /// Returns a header line: names in quotes, then another header as it is.
    pub(crate) fn headed(self, names: &[&str], heading: &str) -> String {
        let delimiter = char::from(DELIMITERS[self.delimiter].1);
        let names: String = names.iter().map(|name| format!("\"{name}\"{delimiter}")).collect();
        format!("{names}{heading}{}", if self.crlf { "\r\n" } else { "\n" })
    }

    /// Returns a writer that quotes every value, as Salesforce does.
    pub(crate) fn writer(self) -> Writer<Vec<u8>> {
        let terminator = if self.crlf { Terminator::CRLF } else { Terminator::Any(b'\n') };
        WriterBuilder::new()
            .delimiter(DELIMITERS[self.delimiter].1)
            .quote_style(QuoteStyle::Always)
            .terminator(terminator)
            .from_writer(Vec::new())
    }
}
