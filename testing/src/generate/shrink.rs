//! What of a story may be left out, to see whether it still fails.

use super::search::Tale;
use crate::story::{Delivery, End, Move, Story, Weather};

impl Tale for Story {
    const NAME: &'static str = "story";
    const VARIABLE: &'static str = "TESTING_STORY";

    fn smaller(&self) -> Vec<Story> {
        smaller(self)
    }
}

/// Every story that is this one with something less, the largest steps first.
fn smaller(story: &Story) -> Vec<Story> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Story)| {
        let mut candidate = story.clone();
        change(&mut candidate);
        if candidate != *story {
            all.push(candidate);
        }
    };
    for client in 0..story.clients.len() {
        with(&|story| drop_client(story, client));
    }
    with(&|story| story.moves.clear());
    with(&|story| story.answers.clear());
    with(&|story| story.callouts.clear());
    with(&|story| story.faults.clear());
    let half = story.moves.len() / 2;
    with(&|story| story.moves.truncate(half));
    with(&|story| story.moves = story.moves[half..].to_vec());
    for place in (0..story.moves.len()).rev() {
        with(&|story| {
            story.moves.remove(place);
        });
    }
    for place in (0..story.faults.len()).rev() {
        with(&|story| {
            story.faults.remove(place);
        });
    }
    for place in 0..story.callouts.len() {
        with(&|story| fade(&mut story.callouts, place, Weather::Fair));
    }
    for place in 0..story.answers.len() {
        with(&|story| fade(&mut story.answers, place, Delivery::default()));
        for simpler in simpler(&story.answers[place]) {
            with(&|story| story.answers[place] = simpler.clone());
        }
    }
    for client in 0..story.clients.len() {
        with(&|story| story.clients[client].delivery = Delivery::default());
        for simpler in simpler(&story.clients[client].delivery) {
            with(&|story| story.clients[client].delivery = simpler.clone());
        }
    }
    all
}

/// The usual in this place; at the end of the list nothing stands for it.
fn fade<T: PartialEq>(list: &mut Vec<T>, place: usize, usual: T) {
    if place + 1 == list.len() {
        list.pop();
    } else {
        list[place] = usual;
    }
}

fn drop_client(story: &mut Story, client: usize) {
    story.clients.remove(client);
    story.moves.retain(|step| !matches!(step, Move::Next(who) | Move::Leave(who) if *who == client));
    for step in &mut story.moves {
        match step {
            Move::Next(who) | Move::Leave(who) if *who > client => *who -= 1,
            Move::Next(_) | Move::Leave(_) | Move::Wait(_) => {}
        }
    }
}

fn simpler(delivery: &Delivery) -> Vec<Delivery> {
    let mut all = vec![
        Delivery { cuts: Vec::new(), ..delivery.clone() },
        Delivery { end: End::Last, ..delivery.clone() },
        Delivery { silence: None, ..delivery.clone() },
    ];
    for place in 0..delivery.cuts.len() {
        let mut fewer = delivery.clone();
        fewer.cuts.remove(place);
        all.push(fewer);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::search::shrink;
    use super::*;
    use crate::abi::Status;

    #[test]
    fn what_does_not_matter_goes() {
        let story: Story =
            "client 0 cuts 3,9 alone; client 1 cuts 5; answer cuts 4 reset 9; answer cuts 7,8 silence 1 400; callout late 9; \
                            callout silence; fault 3 NotFound; fault 9 Empty; next 0; next 1; wait 5; next 1; leave 1"
                .parse()
                .unwrap();
        // It fails where somebody leaves, a call answers `Empty`, and a second answer is cut at 8.
        let mut fails = |story: &Story| {
            let leaves = story.moves.iter().any(|step| matches!(step, Move::Leave(who) if *who < story.clients.len()));
            leaves && story.faults.contains(&(9, Status::Empty)) && story.answers.get(1).is_some_and(|answer| answer.cuts.contains(&8))
        };
        assert_eq!(shrink(story, &mut fails).to_string(), "client 1; answer; answer cuts 8; fault 9 Empty; leave 0");
    }
}
