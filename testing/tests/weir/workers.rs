//! Several workers share one rate-limit service, and nothing else: together they keep the budget.

use super::limiter::{Limiter, limited, untouched};
use super::rig::{ASK, answers, ask, provider};
use std::time::Duration;

#[test]
fn two_workers_keep_one_budget_together() {
    // Ten answers of seven tokens.
    let limiter = Limiter::new(70);
    let mut workers = [(), ()].map(|()| limited("deny", &limiter, provider("alpha", answers), untouched("beta")));
    let mut answered = 0;
    for turn in 0..40 {
        let worker = &mut workers[turn % 2];
        let id = worker.exchange(&ask(ASK).header("x-team", "blue")).unwrap();
        match worker.received(id).status() {
            200 => answered += 1,
            429 => {}
            other => panic!("{other}"),
        }
        for worker in &mut workers {
            worker.advance(Duration::from_millis(700)).unwrap();
        }
    }
    for worker in &mut workers {
        worker.advance(Duration::from_secs(2)).unwrap();
    }
    assert_eq!(limiter.counted("team-hour"), 7 * answered);
    // Never less than the budget; above it at most one answer of each worker, which was under way.
    assert!((10..=12).contains(&answered), "{answered}");
    for worker in &mut workers {
        let id = worker.exchange(&ask(ASK).header("x-team", "blue")).unwrap();
        assert_eq!(worker.received(id).status(), 429);
    }
}

#[test]
fn a_team_that_has_used_up_its_budget_holds_up_no_other() {
    let limiter = Limiter::new(7);
    let mut worker = limited("deny", &limiter, provider("alpha", answers), untouched("beta"));
    for (team, status) in [("blue", 200), ("blue", 429), ("red", 200), ("blue", 429)] {
        let id = worker.exchange(&ask(ASK).header("x-team", team)).unwrap();
        assert_eq!(worker.received(id).status(), status, "{team}");
        worker.advance(Duration::from_secs(2)).unwrap();
    }
}
