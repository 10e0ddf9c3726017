//! The host's ids of metrics by their names: a second definition would be a second id for ever.

use core::hash::Hasher;
use std::collections::BTreeMap;
use std::hash::DefaultHasher;

/// The ids of the metrics that a VM has used. Names are bounded by the document, so the map is, too.
///
/// Names are long and begin alike, so they are found by their hash; one whose place is taken has the next free one.
#[derive(Debug, Default)]
pub struct MetricIds(BTreeMap<u64, (String, u32)>);

impl MetricIds {
    /// The id of a name, which is defined by `define` when it is seen for the first time.
    ///
    /// # Errors
    /// What `define` fails with; the next call asks again.
    pub fn id<E>(&mut self, name: &str, define: impl FnOnce() -> Result<u32, E>) -> Result<u32, E> {
        let mut hasher = DefaultHasher::new();
        hasher.write(name.as_bytes());
        let mut place = hasher.finish();
        while let Some((known, id)) = self.0.get(&place) {
            if known == name {
                return Ok(*id);
            }
            place = place.wrapping_add(1);
        }
        let id = define()?;
        self.0.insert(place, (name.to_owned(), id));
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_defined_once() {
        let mut ids = MetricIds::default();
        assert_eq!(ids.id("a", || Err(7)), Err(7));
        for (name, id) in [("a", 1), ("b", 2), ("a", 1), ("b", 2)] {
            assert_eq!(ids.id::<()>(name, || Ok(id)), Ok(id));
        }
        assert_eq!(ids.id::<()>("a", || Ok(9)), Ok(1));
    }

    #[test]
    fn a_place_that_is_taken_is_passed_by() {
        let mut ids = MetricIds::default();
        assert_eq!(ids.id::<()>("a", || Ok(1)), Ok(1));
        for (known, _) in ids.0.values_mut() {
            *known = "other".to_owned();
        }
        assert_eq!(ids.id::<()>("a", || Ok(2)), Ok(2));
        assert_eq!((ids.id::<()>("a", || Ok(3)), ids.0.len()), (Ok(2), 2));
    }
}
