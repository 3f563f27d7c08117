//! Where the columns of a table stand in a record's JSON.

/// Where in a record the value of each column stands.
///
/// Built once for a query. Salesforce answers in the order of the SELECT, so a
/// key is nearly always the one after the last, and finding it is one comparison.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) root: Node,
    pub(super) width: usize,
}

/// The fields of a record or of one of its parents.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) children: Vec<(String, Slot)>,
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Slot {
    /// The columns that hold this value; more than one where a path was asked
    /// for twice.
    Leaf(Vec<usize>),
    /// A parent, whose fields lie one level deeper.
    Parent(Node),
}

impl Shape {
    /// Returns the shape of rows that hold the values of these paths, in this
    /// order.
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut shape = Self { root: Node::default(), width: 0 };
        for path in paths {
            shape.root.add(path, shape.width);
            shape.width += 1;
        }
        shape
    }
}

impl Node {
    fn add(&mut self, path: &str, column: usize) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let parent = rest.is_some();
        let known = self.children.iter().position(|(child, slot)| {
            child.eq_ignore_ascii_case(name) && matches!(slot, Slot::Parent(_)) == parent
        });
        let place = known.unwrap_or_else(|| {
            let slot = if parent { Slot::Parent(Self::default()) } else { Slot::Leaf(Vec::new()) };
            self.children.push((name.to_owned(), slot));
            self.children.len() - 1
        });
        match (&mut self.children[place].1, rest) {
            (Slot::Parent(node), Some(rest)) => node.add(rest, column),
            (Slot::Leaf(columns), _) => columns.push(column),
            (Slot::Parent(_), None) => unreachable!("found as a leaf"),
        }
    }

    /// Returns the place of a key, looking first where it should be. Another
    /// case than Salesforce's own is forgiven, at the price of a second search.
    pub(super) fn place(&self, key: &str, expected: usize) -> Option<usize> {
        if self.children.get(expected).is_some_and(|(name, _)| name == key) {
            return Some(expected);
        }
        if key == "attributes" {
            return None;
        }
        let exact = self.children.iter().position(|(name, _)| name == key);
        exact.or_else(|| self.children.iter().position(|(n, _)| n.eq_ignore_ascii_case(key)))
    }
}
