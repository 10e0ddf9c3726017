//! What the ledger says in each state of a counter, of the service and of itself.

use std::rc::Rc;

use super::super::civil::SECOND;
use super::super::rule::Rule;
use super::model::{Service, budget, keys};
use super::{CallFault, Ledger, Synced, Totals};
use crate::config::{BudgetRule, Measure, OnFailure, Window};
use crate::limits::{Amounts, Cause, Claim, Decision};

const HOUR: u64 = 3_600 * SECOND;
/// Ten minutes into an hour.
const START: u64 = 498_744 * HOUR + 600 * SECOND;

/// One worker with one rule; every call is answered at once.
struct Worker {
    rules: Vec<Rc<Rule>>,
    service: Service,
    ledger: Ledger,
    now: u64,
    calls: usize,
}

impl Worker {
    fn new(budgets: &[BudgetRule]) -> Self {
        let rules = Rule::all(budgets);
        Self { service: Service::new(&rules), rules, ledger: Ledger::default(), now: START, calls: 0 }
    }

    fn claim(&self, team: &str) -> Claim {
        Claim::new(keys(&self.rules, team, self.now), Amounts { tokens: 10, nano_dollars: 10 }, self.now)
    }

    fn sync(&mut self) -> bool {
        let Some(call) = self.ledger.sync_request("weir", self.now, 50) else { return false };
        self.calls += 1;
        let (status, body) = self.service.apply(&call.body, usize::MAX, self.now);
        assert_eq!(self.ledger.sync_answer(call.id, status, &body, self.now), Synced::Counted { without_rule: 0 });
        true
    }

    /// Decides, asking the service where it must.
    fn decide(&mut self, claim: &mut Claim) -> Decision {
        let first = self.ledger.decide(claim, self.now);
        if first != Decision::Sync {
            return first;
        }
        assert!(self.sync(), "a request waits and nothing is sent");
        self.ledger.decide(claim, self.now)
    }

    /// A whole request of `tokens`; `true` if it went through.
    fn request(&mut self, team: &str, tokens: u64) -> bool {
        let mut claim = self.claim(team);
        let allowed = matches!(self.decide(&mut claim), Decision::Allow(_));
        self.ledger.charge(claim, Amounts { tokens, nano_dollars: tokens });
        allowed
    }
}

fn refusal(decision: Decision) -> (Cause, u64, u64) {
    let Decision::Refuse(refusal) = decision else { panic!("expected a refusal, got {decision:?}") };
    (refusal.cause, refusal.limit, refusal.retry_after)
}

#[test]
fn far_from_the_limit_nothing_is_asked_but_once_a_second() {
    let mut worker = Worker::new(&[budget("b", 1_000_000)]);
    for _ in 0..2_000 {
        assert!(worker.request("blue", 10));
        worker.now += SECOND / 200;
        if worker.now.is_multiple_of(SECOND / 4) {
            worker.sync();
        }
    }
    assert!((10..=11).contains(&worker.calls), "{} calls in ten seconds", worker.calls);
    worker.now += SECOND;
    worker.sync();
    assert_eq!(worker.service.counted(&worker.rules[0]), 20_000);
    assert_eq!(worker.ledger.outstanding(), Totals::default());
}

#[test]
fn near_the_limit_each_request_asks_first_and_the_limit_holds() {
    let mut worker = Worker::new(&[budget("b", 1_000)]);
    let through = (0..200).filter(|_| worker.request("blue", 10)).count();
    assert_eq!(through, 100);
    let mut claim = worker.claim("blue");
    assert_eq!(refusal(worker.decide(&mut claim)), (Cause::Exceeded, 1_000, 3_000));
}

#[test]
fn several_workers_stop_at_one_limit() {
    let budgets = [budget("b", 100_000)];
    let mut worker = Worker::new(&budgets);
    let mut others = [Ledger::default(), Ledger::default()];
    let mut through = 0_u64;
    for turn in 0..4_000 {
        through += u64::from(worker.request("blue", 50));
        std::mem::swap(&mut worker.ledger, &mut others[turn % 2]);
        worker.now += SECOND / 20;
        if turn % 5 == 0 {
            worker.sync();
        }
    }
    // The margin (2 000 tokens) is more than the others use between two syncs; only what is owed when the limit comes is over it.
    assert!((100_000..100_200).contains(&(through * 50)), "{} tokens went through", through * 50);
}

#[test]
fn requests_are_counted_when_they_are_let_through() {
    let mut worker = Worker::new(&[BudgetRule { measure: Measure::Requests, per: Window::Minute, ..budget("rpm", 5) }]);
    let mut running = Vec::new();
    for _ in 0..5 {
        let mut claim = worker.claim("blue");
        assert!(matches!(worker.decide(&mut claim), Decision::Allow(_)));
        running.push(claim);
    }
    let mut sixth = worker.claim("blue");
    assert_eq!(refusal(worker.decide(&mut sixth)), (Cause::Exceeded, 5, 60));
    for claim in running {
        worker.ledger.charge(claim, Amounts { tokens: 1_000, nano_dollars: 0 });
    }
    worker.now += SECOND;
    worker.sync();
    worker.now += 59 * SECOND;
    assert!(worker.request("blue", 0), "a new minute");
}

#[test]
fn a_request_that_one_rule_refuses_counts_for_none() {
    let rpm = BudgetRule { measure: Measure::Requests, ..budget("rph", 100) };
    let mut worker = Worker::new(&[rpm, budget("tokens", 0)]);
    assert!(!worker.request("blue", 77));
    worker.now += 2 * SECOND;
    worker.sync();
    assert_eq!(worker.rules.iter().map(|rule| worker.service.counted(rule)).sum::<u64>(), 0);
}

#[test]
fn a_shadow_rule_refuses_nothing_and_makes_nobody_wait() {
    let mut worker = Worker::new(&[BudgetRule { shadow: true, ..budget("b", 0) }]);
    let mut claim = worker.claim("blue");
    assert!(matches!(worker.ledger.decide(&mut claim, worker.now), Decision::Allow(admission) if admission.shadow.is_none()));
    assert!(worker.sync(), "it is learnt about behind the request");
    let mut claim = worker.claim("blue");
    let Decision::Allow(admission) = worker.ledger.decide(&mut claim, worker.now) else { panic!("a shadow rule refused") };
    assert_eq!(admission.shadow.map(|rule| rule.budget.name.clone()), Some("b".into()));
}

#[test]
fn a_service_that_fails_is_left_alone_and_each_rule_says_what_happens() {
    for on_failure in [OnFailure::Allow, OnFailure::Deny] {
        let mut worker = Worker::new(&[BudgetRule { on_failure, ..budget("b", 1_000) }]);
        let mut claim = worker.claim("blue");
        assert_eq!(worker.ledger.decide(&mut claim, worker.now), Decision::Sync);
        let call = worker.ledger.sync_request("weir", worker.now, 50).unwrap();
        let failed = worker.ledger.sync_answer(call.id, 504, b"upstream request timeout", worker.now);
        assert_eq!(failed, Synced::Failed(CallFault::Unanswered));
        match (on_failure, worker.ledger.decide(&mut claim, worker.now)) {
            (OnFailure::Allow, Decision::Allow(admission)) => assert!(admission.unchecked.is_some()),
            (OnFailure::Deny, decision) => assert_eq!(refusal(decision), (Cause::Unchecked, 1_000, 1)),
            (_, decision) => panic!("{decision:?}"),
        }
        worker.now += SECOND / 2;
        let mut next = worker.claim("blue");
        assert_ne!(worker.ledger.decide(&mut next, worker.now), Decision::Sync, "nobody waits for a service that has just failed");
        assert!(worker.ledger.sync_request("weir", worker.now, 50).is_none());
        worker.now += SECOND;
        let mut after = worker.claim("blue");
        assert!(matches!(worker.decide(&mut after), Decision::Allow(_)), "it is asked again");
    }
}

#[test]
fn only_a_call_that_surely_was_not_applied_is_sent_again() {
    for (fault, counted, unknown) in [(CallFault::NeverSent, 600, 0), (CallFault::Unanswered, 0, 600)] {
        let mut worker = Worker::new(&[budget("b", 1_000_000)]);
        assert!(worker.request("blue", 600));
        worker.now += 2 * SECOND;
        let call = worker.ledger.sync_request("weir", worker.now, 50).unwrap();
        assert_eq!(worker.ledger.sync_failed(call.id, fault, worker.now), Synced::Failed(fault));
        assert_eq!(worker.ledger.sync_answer(call.id, 200, b"{}", worker.now), Synced::Late);
        worker.now += 2 * SECOND;
        worker.sync();
        assert_eq!((worker.service.counted(&worker.rules[0]), worker.ledger.unknown().tokens), (counted, unknown));
    }
}

#[test]
fn a_key_that_breaks_its_calls_goes_alone() {
    let mut worker = Worker::new(&[budget("b", 1_000_000)]);
    for team in ["red", "broken", "blue"] {
        assert!(worker.request(team, 100));
    }
    let mut refused = 0;
    for _ in 0..8 {
        worker.now += 2 * SECOND;
        while let Some(call) = worker.ledger.sync_request("weir", worker.now, 50) {
            if call.body.contains("broken") {
                refused += 1;
                worker.ledger.sync_answer(call.id, 400, b"Bad Request", worker.now);
            } else {
                let (status, body) = worker.service.apply(&call.body, usize::MAX, worker.now);
                worker.ledger.sync_answer(call.id, status, &body, worker.now);
            }
        }
        for team in ["red", "blue"] {
            assert!(
                matches!(worker.ledger.decide(&mut worker.claim(team), worker.now), Decision::Allow(_)) || worker.now < START + 5 * SECOND
            );
        }
    }
    assert!(refused > 2, "the broken key is asked about again");
}

#[test]
fn a_key_without_a_rule_is_a_failure_that_is_counted() {
    let mut worker = Worker::new(&[budget("b", 1_000)]);
    worker.service = Service::default();
    let mut claim = worker.claim("blue");
    assert_eq!(worker.ledger.decide(&mut claim, worker.now), Decision::Sync);
    let call = worker.ledger.sync_request("weir", worker.now, 50).unwrap();
    let (status, body) = worker.service.apply(&call.body, usize::MAX, worker.now);
    assert_eq!(worker.ledger.sync_answer(call.id, status, &body, worker.now), Synced::Counted { without_rule: 1 });
    assert_eq!(refusal(worker.ledger.decide(&mut claim, worker.now)).0, Cause::Unchecked);
}

#[test]
fn money_below_one_unit_is_carried() {
    let mut worker = Worker::new(&[BudgetRule { measure: Measure::Usd, ..budget("usd", 4_000_000_000_000) }]);
    for _ in 0..1_000 {
        assert!(worker.request("blue", 1));
        worker.now += 2 * SECOND;
        worker.sync();
    }
    assert_eq!(worker.rules[0].scale.expand(1), 1_000);
    assert_eq!(worker.service.counted(&worker.rules[0]), 1);
}

#[test]
fn keys_that_owe_nothing_are_forgotten_and_their_number_is_bounded() {
    let mut worker = Worker::new(&[budget("b", 1_000_000)]);
    worker.ledger = Ledger::new(10);
    for user in 0..10 {
        assert!(worker.request(&user.to_string(), 5));
    }
    let mut claim = worker.claim("one too many");
    assert_eq!(refusal(worker.ledger.decide(&mut claim, worker.now)).0, Cause::Unchecked);
    for _ in 0..10 {
        worker.now += SECOND;
        worker.sync();
        worker.ledger.tick(worker.now, SECOND);
    }
    assert_eq!(worker.ledger.keys(), 0);
    assert!(worker.request("one too many", 5));
    assert_eq!(worker.service.counted(&worker.rules[0]), 50);
}

#[test]
fn a_call_that_is_never_answered_is_given_up() {
    let mut worker = Worker::new(&[budget("b", 1_000)]);
    let mut claim = worker.claim("blue");
    assert_eq!(worker.ledger.decide(&mut claim, worker.now), Decision::Sync);
    let _call = worker.ledger.sync_request("weir", worker.now, 50).unwrap();
    assert!(worker.ledger.is_calling());
    assert_eq!(worker.ledger.tick(worker.now + SECOND / 4, SECOND / 2), 0);
    assert_eq!(worker.ledger.tick(worker.now + SECOND, SECOND / 2), 1);
    assert!(!worker.ledger.is_calling());
}

#[test]
fn a_request_joins_a_call_that_is_under_way() {
    let mut worker = Worker::new(&[budget("b", 1_000)]);
    let (mut first, mut second) = (worker.claim("blue"), worker.claim("blue"));
    assert_eq!(worker.ledger.decide(&mut first, worker.now), Decision::Sync);
    let call = worker.ledger.sync_request("weir", worker.now, 50).unwrap();
    assert_eq!(worker.ledger.decide(&mut second, worker.now), Decision::Sync);
    assert!(worker.ledger.is_urgent());
    assert!(worker.ledger.sync_request("weir", worker.now, 50).is_none());
    assert!(!worker.ledger.is_urgent(), "the call under way brings what it waits for");
    worker.now += 1_000;
    let (status, body) = worker.service.apply(&call.body, usize::MAX, worker.now);
    worker.ledger.sync_answer(call.id, status, &body, worker.now);
    assert!(matches!(worker.ledger.decide(&mut first, worker.now), Decision::Allow(_)));
    assert!(matches!(worker.ledger.decide(&mut second, worker.now), Decision::Allow(_)));
}

#[test]
fn what_is_on_its_way_is_used_already() {
    let mut worker = Worker::new(&[budget("b", 1_000)]);
    assert!(worker.request("blue", 990));
    worker.now += 2 * SECOND;
    let _call = worker.ledger.sync_request("weir", worker.now, 50).unwrap();
    let mut claim = worker.claim("blue");
    assert_eq!(worker.ledger.decide(&mut claim, worker.now), Decision::Sync, "ten tokens are left, whatever the service last said");
}

#[test]
fn a_verdict_ends_with_its_window() {
    let mut worker = Worker::new(&[BudgetRule { shadow: true, ..budget("b", 100) }]);
    let shadow = |worker: &mut Worker| match worker.ledger.decide(&mut worker.claim("blue"), worker.now) {
        Decision::Allow(admission) => admission.shadow.is_some(),
        decision => panic!("a shadow rule decided: {decision:?}"),
    };
    worker.now += 3_000 * SECOND - 3 * SECOND;
    assert!(worker.request("blue", 100));
    worker.now += 2 * SECOND;
    assert!(worker.sync());
    assert!(shadow(&mut worker), "used up");
    worker.now += SECOND;
    assert!(!shadow(&mut worker), "a new window");
}

#[test]
fn a_clock_that_is_set_back_stops_nothing() {
    let mut worker = Worker::new(&[budget("b", 1_000)]);
    assert!(worker.request("blue", 100));
    worker.now += 2 * SECOND;
    let call = worker.ledger.sync_request("weir", worker.now, 50).unwrap();
    worker.ledger.sync_failed(call.id, CallFault::NeverSent, worker.now);
    worker.now -= 500 * SECOND;
    let mut claim = worker.claim("blue");
    assert_eq!(worker.ledger.decide(&mut claim, worker.now), Decision::Sync, "an answer from the future is none");
    assert!(worker.sync(), "a failure in the future does not pause");
    assert!(matches!(worker.ledger.decide(&mut claim, worker.now), Decision::Allow(_)));
    worker.now -= 500 * SECOND;
    assert!(worker.request("blue", 800));
    worker.now += 2 * SECOND;
    assert!(worker.sync(), "what is owed is paid");
    assert_eq!(worker.service.counted(&worker.rules[0]), 900);
}

#[test]
fn a_service_that_refuses_everything_is_asked_once_a_second() {
    let mut worker = Worker::new(&[budget("b", 1_000_000)]);
    let teams: Vec<String> = (0..100).map(|team| team.to_string()).collect();
    assert!(teams.iter().all(|team| worker.request(team, 10)));
    let mut calls = 0;
    for _ in 0..40 {
        worker.now += SECOND / 4;
        for team in &teams {
            worker.ledger.decide(&mut worker.claim(team), worker.now);
        }
        while let Some(call) = worker.ledger.sync_request("weir", worker.now, 50) {
            calls += 1;
            worker.ledger.sync_answer(call.id, 400, b"Bad Request", worker.now);
        }
    }
    assert!((8..=14).contains(&calls), "{calls} calls in ten seconds");
}
