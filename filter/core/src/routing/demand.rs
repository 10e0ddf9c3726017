//! What is true of targets, and what requests demand of whoever answers them: residency, and whatever else a document has a word for.

use super::Condition;
use core::fmt;

/// What is true of a target: names with their values, in the document's order, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(pub Vec<(Box<str>, Box<str>)>);

impl Labels {
    /// The value of a label; `None` where nothing is said.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| **own == *name).map(|(_, value)| &**value)
    }

    /// These, and of `others` those that have another name.
    #[must_use]
    pub fn over(mut self, others: &Self) -> Self {
        let more: Vec<_> = others.0.iter().filter(|(name, _)| self.value(name).is_none()).cloned().collect();
        self.0.extend(more);
        self
    }
}

/// One label that has to be there with one of some values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The label's name.
    pub label: Box<str>,
    /// The values that do.
    pub values: Vec<Box<str>>,
}

impl Wanted {
    /// Whether a target has it. One of which nothing is said has not.
    #[must_use]
    pub fn is_met(&self, labels: &Labels) -> bool {
        labels.value(&self.label).is_some_and(|value| self.values.iter().any(|one| **one == *value))
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.label, self.values.join(" or "))
    }
}

/// An entry of the document's `demands`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Only of requests that meet all of these.
    pub when: Vec<Condition>,
    /// What.
    pub asks: Asks,
}

/// What an entry demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// All of these.
    These(Vec<Wanted>),
    /// What the client says in a header (lower case): values of this label with commas between them, of which one does. A client that says
    /// nothing demands nothing.
    Header {
        /// The header's name.
        header: Box<str>,
        /// The label's name.
        label: Box<str>,
    },
}

impl Demand {
    /// What of it one request demands: `identities` are its own, in the document's order, `header` answers with each value of a header.
    pub fn of_request<'h, V: Iterator<Item = &'h str>>(
        &'h self,
        identities: &[Option<String>],
        header: impl Fn(&'h str) -> V,
        wanted: &mut Vec<Wanted>,
    ) {
        if !self.when.iter().all(|condition| condition.is_met(identities)) {
            return;
        }
        match &self.asks {
            Asks::These(these) => wanted.extend_from_slice(these),
            Asks::Header { header: name, label } => wanted.extend(header(name).filter_map(|said| {
                let values: Vec<Box<str>> = said.split(',').map(str::trim).filter(|value| !value.is_empty()).map(Into::into).collect();
                (!values.is_empty()).then(|| Wanted { label: label.clone(), values })
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn what_a_target_says_itself_counts_before_its_provider() {
        let own = labels(&[("residency", "ch")]).over(&labels(&[("residency", "eu"), ("tier", "gold")]));
        assert_eq!((own.value("residency"), own.value("tier"), own.value("x")), (Some("ch"), Some("gold"), None));
    }

    #[test]
    fn a_header_demands_one_of_its_values_each_time_that_it_comes() {
        let demand = Demand { when: Vec::new(), asks: Asks::Header { header: "x-residency".into(), label: "residency".into() } };
        let asked = |values: &[&'static str]| {
            let mut wanted = Vec::new();
            demand.of_request(&[], |_| values.iter().copied(), &mut wanted);
            wanted
        };
        assert!(asked(&[]).is_empty() && asked(&["", " , "]).is_empty());
        let both = asked(&["eu, ch", "ch"]);
        assert_eq!(both.iter().map(Wanted::to_string).collect::<Vec<_>>(), ["residency: eu or ch", "residency: ch"]);
        let met = |value| both.iter().all(|wanted| wanted.is_met(&labels(&[("residency", value)])));
        assert!(met("ch") && !met("eu") && !both.iter().any(|wanted| wanted.is_met(&labels(&[]))));
    }

    #[test]
    fn a_condition_decides_whose_requests_demand() {
        let when = vec![Condition { identity: 0, values: vec!["blue".into()] }];
        let these = vec![Wanted { label: "residency".into(), values: vec!["eu".into()] }];
        let demand = Demand { when, asks: Asks::These(these.clone()) };
        for (team, expected) in [(Some("blue"), &*these), (Some("red"), &[]), (None, &[])] {
            let mut wanted = Vec::new();
            demand.of_request(&[team.map(str::to_owned)], |_| core::iter::empty(), &mut wanted);
            assert_eq!(wanted, expected, "{team:?}");
        }
    }
}
