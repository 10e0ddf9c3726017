//! The laws of the ledger, over random interleavings of several ledgers and one model of the service.
#![expect(clippy::disallowed_methods, reason = "a test may panic")]

use std::rc::Rc;

use super::super::civil::SECOND;
use super::super::rule::Rule;
use super::model::{Dice, Service, budget, keys};
use super::{CallFault, Ledger, SyncCall};
use crate::config::{BudgetRule, Measure, OnFailure, Window};
use crate::limits::{Amounts, Claim, Decision};

const START: u64 = 1_795_478_400 * SECOND;
/// After this a call is given up, in worlds where calls can fail.
const TIMEOUT: u64 = SECOND / 2;

/// Several workers, what is on the wire between them and the service, and what was billed.
struct World {
    rules: Vec<Rc<Rule>>,
    service: Service,
    ledgers: Vec<Ledger>,
    running: Vec<(usize, Claim)>,
    waiting: Vec<(usize, Claim)>,
    wire: Vec<(usize, SyncCall)>,
    /// Calls that the service will apply although nobody waits for them any more.
    late: Vec<SyncCall>,
    billed: Amounts,
    let_through: u64,
    now: u64,
    dice: Dice,
    faults: bool,
    timeout: u64,
}

impl World {
    fn new(seed: u64, faults: bool) -> Self {
        let with = |name: &str, limit, measure, per, on_failure| {
            Rc::new(Rule::new(&BudgetRule { measure, per, on_failure, ..budget(name, limit) }))
        };
        let rules = vec![
            with("team-hour", 20_000, Measure::Tokens, Window::Hour, OnFailure::Allow),
            with("team-day-usd", 90_000_000_000, Measure::Usd, Window::Day, OnFailure::Deny),
            with("team-rpm", 40, Measure::Requests, Window::Minute, OnFailure::Allow),
        ];
        Self {
            service: Service::new(&rules),
            rules,
            ledgers: (0..3).map(|_| Ledger::default()).collect(),
            running: Vec::new(),
            waiting: Vec::new(),
            wire: Vec::new(),
            late: Vec::new(),
            billed: Amounts::default(),
            let_through: 0,
            now: START,
            dice: Dice(seed),
            faults,
            timeout: if faults { TIMEOUT } else { u64::MAX },
        }
    }

    fn step(&mut self) {
        match self.dice.roll(10) {
            0..=2 => self.arrive(),
            3 | 4 => self.end_one(),
            5 | 6 => self.sync_all(),
            7 | 8 => self.carry_one(),
            _ => self.now += self.dice.roll(3 * SECOND),
        }
        self.decide_waiting();
    }

    fn arrive(&mut self) {
        let worker = self.dice.pick(3);
        let team = ["blue", "red"][self.dice.pick(2)];
        let claim = Claim::new(keys(&self.rules, team, self.now), Amounts { tokens: 50, nano_dollars: 5_000 }, self.now);
        self.waiting.push((worker, claim));
    }

    fn decide_waiting(&mut self) {
        for (worker, mut claim) in std::mem::take(&mut self.waiting) {
            match self.ledgers[worker].decide(&mut claim, self.now) {
                Decision::Allow(_) => {
                    self.let_through += 1;
                    self.running.push((worker, claim));
                }
                Decision::Refuse(_) => self.ledgers[worker].charge(claim, Amounts { tokens: 1_000_000, nano_dollars: 1 }),
                Decision::Sync => self.waiting.push((worker, claim)),
            }
        }
    }

    fn end_one(&mut self) {
        if !self.running.is_empty() {
            let place = self.dice.pick(self.running.len());
            let (worker, claim) = self.running.remove(place);
            let used = Amounts { tokens: self.dice.roll(200), nano_dollars: self.dice.roll(10_007) };
            self.billed.tokens += used.tokens;
            self.billed.nano_dollars += used.nano_dollars;
            self.ledgers[worker].charge(claim, used);
        }
    }

    fn sync_all(&mut self) {
        (0..self.ledgers.len()).for_each(|worker| self.sync(worker));
    }

    fn sync(&mut self, worker: usize) {
        let ledger = &mut self.ledgers[worker];
        ledger.tick(self.now, self.timeout);
        if let Some(call) = ledger.sync_request("weir", self.now, 4) {
            self.wire.push((worker, call));
        }
    }

    /// One thing happens to one call; calls overtake each other.
    fn carry_one(&mut self) {
        if !self.late.is_empty() && self.dice.roll(3) == 0 {
            let call = self.late.remove(0);
            self.service.apply(&call.body, usize::MAX, self.now);
        }
        if self.wire.is_empty() {
            return;
        }
        let place = self.dice.pick(self.wire.len());
        let (worker, call) = self.wire.remove(place);
        let ledger = &mut self.ledgers[worker];
        match if self.faults { self.dice.roll(12) } else { 99 } {
            0 => _ = ledger.sync_failed(call.id, CallFault::NeverSent, self.now),
            1 => _ = ledger.sync_answer(call.id, 503, b"no healthy upstream", self.now),
            2 => {
                ledger.sync_answer(call.id, 504, b"upstream request timeout", self.now);
                self.late.push(call);
            }
            3 => {
                // A 400 is no proof that nothing was counted.
                self.service.apply(&call.body, 1, self.now);
                ledger.sync_answer(call.id, 400, b"Bad Request", self.now);
            }
            4 => {
                // The answer never comes: the ledger's own tick gives the call up.
                self.service.apply(&call.body, usize::MAX, self.now);
            }
            5 => {
                let (status, body) = self.service.apply(&call.body, usize::MAX, self.now);
                self.now += 2 * TIMEOUT;
                ledger.tick(self.now, TIMEOUT);
                ledger.sync_answer(call.id, status, &body, self.now);
            }
            _ => {
                let (status, body) = self.service.apply(&call.body, usize::MAX, self.now);
                ledger.sync_answer(call.id, status, &body, self.now);
            }
        }
    }

    /// Ends every request and lets every ledger pay what it owes.
    fn settle(&mut self) {
        while !self.running.is_empty() {
            self.end_one();
        }
        self.waiting.clear();
        for call in std::mem::take(&mut self.late) {
            self.service.apply(&call.body, usize::MAX, self.now);
        }
        self.faults = false;
        for _ in 0..200 {
            self.now += 2 * SECOND;
            self.sync_all();
            while !self.wire.is_empty() {
                self.carry_one();
            }
        }
        assert!(self.ledgers.iter().all(|ledger| !ledger.is_calling()));
    }

    /// |counter − bills| ≤ unknown, for each measure; what is below one unit of the service is still owed, or was forgotten
    /// with its key when the window was over.
    fn check(&self) {
        let bills = [self.billed.tokens, self.billed.nano_dollars, self.let_through];
        for (rule, bill) in self.rules.iter().zip(bills) {
            let of = |totals: super::Totals| match rule.budget.measure {
                Measure::Tokens => totals.tokens,
                Measure::Usd => totals.nano_dollars,
                Measure::Requests => totals.requests,
            };
            let counted = rule.scale.expand(self.service.counted(rule));
            let owed: u64 = self.ledgers.iter().map(|ledger| of(ledger.outstanding())).sum();
            let unknown: u64 = self.ledgers.iter().map(|ledger| of(ledger.unknown())).sum();
            assert!(owed < rule.scale.expand(1) * 6, "{}: {owed} still owed", rule.budget.name);
            let rounded: u64 = self.ledgers.iter().map(|ledger| of(ledger.rounded())).sum();
            let kept = counted + owed + rounded;
            assert!(kept <= bill, "{}: counted {counted} + owed {owed} + rounded {rounded} > bill {bill}", rule.budget.name);
            assert!(bill <= kept + unknown, "{}: bill {bill} > {kept} + {unknown}", rule.budget.name);
        }
    }
}

#[test]
fn what_is_counted_is_what_was_billed_but_for_the_unknown() {
    let mut unknown = 0;
    for seed in 0..80 {
        let mut world = World::new(seed, true);
        (0..1_500).for_each(|_| world.step());
        world.settle();
        world.check();
        unknown += world.ledgers.iter().map(|ledger| ledger.unknown().tokens).sum::<u64>();
    }
    assert!(unknown > 0, "no call was ever cut: the test tests nothing");
}

#[test]
fn nothing_is_unknown_where_no_call_was_cut() {
    for seed in 0..40 {
        let mut world = World::new(seed, false);
        (0..1_500).for_each(|_| world.step());
        world.settle();
        assert!(world.ledgers.iter().all(|ledger| ledger.unknown() == super::Totals::default()));
        world.check();
        assert!(world.let_through > 0);
    }
}

/// What a request that comes `delay` after a random history is told in the end, while nothing is used and no other worker pays.
/// An answer that came at the very moment of its arrival counts as heard, so the delay is at least a nanosecond.
fn outcome(seed: u64, delay: u64) -> bool {
    let mut world = World::new(seed, false);
    (0..400).for_each(|_| world.step());
    world.waiting.clear();
    world.running.clear();
    while !world.wire.is_empty() {
        world.carry_one();
    }
    world.now += delay;
    let mut claim = Claim::new(keys(&world.rules, "blue", world.now), Amounts { tokens: 50, nano_dollars: 5_000 }, world.now);
    for _ in 0..4 {
        match world.ledgers[0].decide(&mut claim, world.now) {
            Decision::Allow(_) => return true,
            Decision::Refuse(_) => return false,
            Decision::Sync => world.sync(0),
        }
        while !world.wire.is_empty() {
            world.carry_one();
        }
    }
    panic!("a request waits for ever");
}

#[test]
fn later_is_never_less() {
    let mut refused = 0;
    for seed in 0..60 {
        let mut before = outcome(seed, 1);
        refused += u64::from(!before);
        for delay in [2, SECOND / 2, SECOND, 2 * SECOND, 7 * SECOND, 59 * SECOND] {
            let later = outcome(seed, delay);
            assert!(later || !before, "seed {seed}: allowed, and refused {delay} ns later");
            before = later;
        }
        assert!(outcome(seed, 3_700 * SECOND), "seed {seed}: refused in a new window");
    }
    assert!(refused > 0, "nothing was ever refused: the test tests nothing");
}
