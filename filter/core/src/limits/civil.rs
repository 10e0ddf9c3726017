//! The calendar month of a moment: the one place where Weir needs a civil date.

/// Nanoseconds of a second: every time in the core is Unix time in nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400;

/// A calendar month, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Month {
    pub(super) year: u64,
    /// 1 is January.
    pub(super) month: u64,
}

impl Month {
    /// The month of `now` (Unix time in nanoseconds).
    ///
    /// Counts days in years that begin in March, so that a leap day is a year's last; 400 such years have 146 097 days.
    pub(super) fn of(now: u64) -> Self {
        // 719 468 days lie between 0000-03-01 and 1970-01-01.
        let days = now / SECOND / DAY + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Months from March have 31 30 31 30 31 days, twice, and then 31: 153 days in each five.
        let from_march = (5 * day_of_year + 2) / 153;
        let (month, carry) = if from_march < 10 { (from_march + 3, 0) } else { (from_march - 9, 1) };
        Self { year: era * 400 + year_of_era + carry, month }
    }

    /// When the month is over (Unix time in nanoseconds): the moment at which the next one begins.
    pub(super) fn end(self) -> u64 {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        // The same count as in `of`, the other way.
        let (march_year, from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let (era, year_of_era) = (march_year / 400, march_year % 400);
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5;
        (era * 146_097 + day_of_era).saturating_sub(719_468).saturating_mul(DAY).saturating_mul(SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `date -u -d @SECONDS`.
    const MONTHS: &[(u64, u64, u64)] = &[
        (0, 1970, 1),
        (951_782_399, 2000, 2),
        (951_868_799, 2000, 2),
        (951_868_800, 2000, 3),
        (1_709_164_800, 2024, 2),
        (1_709_251_200, 2024, 3),
        (1_767_225_599, 2025, 12),
        (1_767_225_600, 2026, 1),
        (1_795_478_400, 2026, 11),
        (4_107_542_400, 2100, 3),
    ];

    #[test]
    fn months_are_calendar_months() {
        for (seconds, year, month) in MONTHS {
            assert_eq!(Month::of(seconds * SECOND), Month { year: *year, month: *month }, "at {seconds}");
        }
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let mut now = 0;
        for _ in 0..2_000 {
            let month = Month::of(now);
            let end = month.end();
            assert_eq!(Month::of(end - 1), month);
            assert_ne!(Month::of(end), month);
            now = end;
        }
        assert_eq!(Month::of(now), Month { year: 2136, month: 9 });
    }
}
