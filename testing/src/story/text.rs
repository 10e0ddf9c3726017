//! A story as one line of text, and back.

use super::{Client, Delivery, End, Move, Story, Weather};
use crate::abi::Status;
use std::fmt;
use std::str::FromStr;

/// A line that is no story: the part that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadStory(pub String);

impl fmt::Display for BadStory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a story has no `{}`", self.0)
    }
}

impl std::error::Error for BadStory {}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients = self.clients.iter().map(|client| format!("client {}{}", client.request, client.delivery));
        let answers = self.answers.iter().map(|delivery| format!("answer{delivery}"));
        let callouts = self.callouts.iter().map(|weather| format!("callout {weather}"));
        let faults = self.faults.iter().map(|(after, status)| format!("fault {after} {status:?}"));
        let moves = self.moves.iter().map(Move::to_string);
        let parts: Vec<String> = clients.chain(answers).chain(callouts).chain(faults).chain(moves).collect();
        f.write_str(&parts.join("; "))
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.cuts.is_empty() {
            let cuts: Vec<String> = self.cuts.iter().map(usize::to_string).collect();
            write!(f, " cuts {}", cuts.join(","))?;
        }
        match self.end {
            End::Last => {}
            End::Alone => f.write_str(" alone")?,
            End::Trailers => f.write_str(" trailers")?,
            End::Reset(at) => write!(f, " reset {at}")?,
            End::Refused => f.write_str(" refused")?,
        }
        match self.silence {
            Some((place, millis)) => write!(f, " silence {place} {millis}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Weather::Fair => f.write_str("fair"),
            Weather::Late(millis) => write!(f, "late {millis}"),
            Weather::Silence => f.write_str("silence"),
            Weather::Reset => f.write_str("reset"),
            Weather::Refused => f.write_str("refused"),
            Weather::Fails(status) => write!(f, "fails {status:?}"),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Next(client) => write!(f, "next {client}"),
            Move::Leave(client) => write!(f, "leave {client}"),
            Move::Wait(millis) => write!(f, "wait {millis}"),
        }
    }
}

impl FromStr for Story {
    type Err = BadStory;

    fn from_str(line: &str) -> Result<Story, BadStory> {
        let mut story = Story::default();
        for part in line.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let words: Vec<&str> = part.split_whitespace().collect();
            story.read(&words).ok_or_else(|| BadStory(part.to_owned()))?;
        }
        Ok(story)
    }
}

impl Story {
    fn read(&mut self, words: &[&str]) -> Option<()> {
        match words {
            ["client", request, rest @ ..] => {
                self.clients.push(Client { request: request.parse().ok()?, delivery: Delivery::read(rest)? });
            }
            ["answer", rest @ ..] => self.answers.push(Delivery::read(rest)?),
            ["callout", rest @ ..] => self.callouts.push(Weather::read(rest)?),
            ["fault", after, name] => self.faults.push((after.parse().ok()?, status(name)?)),
            ["next", client] => self.moves.push(Move::Next(client.parse().ok()?)),
            ["leave", client] => self.moves.push(Move::Leave(client.parse().ok()?)),
            ["wait", millis] => self.moves.push(Move::Wait(millis.parse().ok()?)),
            _ => return None,
        }
        Some(())
    }
}

impl Delivery {
    fn read(mut words: &[&str]) -> Option<Delivery> {
        let mut delivery = Delivery::default();
        loop {
            words = match words {
                [] => return Some(delivery),
                ["cuts", cuts, rest @ ..] => {
                    delivery.cuts = cuts.split(',').map(|cut| cut.parse().ok()).collect::<Option<_>>()?;
                    rest
                }
                ["silence", place, millis, rest @ ..] => {
                    delivery.silence = Some((place.parse().ok()?, millis.parse().ok()?));
                    rest
                }
                ["reset", at, rest @ ..] => {
                    delivery.end = End::Reset(at.parse().ok()?);
                    rest
                }
                ["alone", rest @ ..] => {
                    delivery.end = End::Alone;
                    rest
                }
                ["trailers", rest @ ..] => {
                    delivery.end = End::Trailers;
                    rest
                }
                ["refused", rest @ ..] => {
                    delivery.end = End::Refused;
                    rest
                }
                _ => return None,
            };
        }
    }
}

impl Weather {
    fn read(words: &[&str]) -> Option<Weather> {
        Some(match words {
            ["fair"] => Weather::Fair,
            ["late", millis] => Weather::Late(millis.parse().ok()?),
            ["silence"] => Weather::Silence,
            ["reset"] => Weather::Reset,
            ["refused"] => Weather::Refused,
            ["fails", name] => Weather::Fails(status(name)?),
            _ => return None,
        })
    }
}

fn status(name: &str) -> Option<Status> {
    Status::ALL.into_iter().find(|status| format!("{status:?}") == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_reads_as_it_is_written() {
        let line = "client 0 cuts 3,17 trailers; client 2; answer cuts 5 reset 20 silence 1 40000; answer refused; callout late 150; \
                    callout fails BadArgument; fault 12 NotFound; next 0; wait 200; leave 1";
        let story: Story = line.parse().unwrap();
        assert_eq!(story.to_string(), line);
        assert_eq!((story.clients.len(), story.answers[0].end, story.moves[2]), (2, End::Reset(20), Move::Leave(1)));
        assert_eq!("client x".parse::<Story>(), Err(BadStory("client x".to_owned())));
    }
}
