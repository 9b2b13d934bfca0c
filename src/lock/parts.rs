//! Sets of parts as bit masks.

/// The parts that a master lock knows; the base is the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(Vec<String>);

/// Some of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartSet(u128);

impl Parts {
    /// Nothing when there are more than a set can hold.
    pub fn new(ids: Vec<String>) -> Option<Self> {
        (ids.len() <= u128::BITS as usize).then_some(Self(ids))
    }

    /// The set of one part.
    pub fn one(&self, id: &str) -> Option<PartSet> {
        self.0.iter().position(|known| known == id).map(|at| PartSet(1 << at))
    }

    /// Adds those of `ids` that it does not know. Nothing when there are more than a set can hold.
    pub(super) fn add(&mut self, ids: &[String]) -> Option<()> {
        let new: Vec<String> = ids.iter().filter(|id| !self.0.contains(id)).cloned().collect();
        self.0.extend(new);
        (self.0.len() <= u128::BITS as usize).then_some(())
    }

    /// The set of other parts as one of these, which know them all.
    pub(super) fn translated(&self, set: PartSet, of: &Self) -> PartSet {
        of.names(set).filter_map(|id| self.one(id)).fold(PartSet::default(), PartSet::with)
    }

    pub fn names(&self, set: PartSet) -> impl Iterator<Item = &str> {
        self.0.iter().enumerate().filter(move |(at, _)| set.0 & (1 << at) != 0).map(|(_, id)| id.as_str())
    }

    pub fn ids(&self) -> &[String] {
        &self.0
    }
}

impl PartSet {
    /// The base is in every plan, so what it needs is always there.
    pub const BASE: Self = Self(1);

    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The base alone stands for all who need a thing together with it.
    #[must_use]
    pub fn reduced(self) -> Self {
        if self.meets(Self::BASE) { Self::BASE } else { self }
    }
}
