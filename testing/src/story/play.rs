//! Plays a story: clients, providers and services do what it says, and what came of it can be looked at.

use super::{Delivery, Move, Story, Weather};
use crate::callout::{Answer, Callout};
use crate::client::Request;
use crate::error::Error;
use crate::fault::Fault;
use crate::headers::HeaderMap;
use crate::proxy::{ExchangeId, Proxy};
use crate::rpc::{Rpc, RpcPlay, Services};
use crate::state::Answers;
use crate::wiring::{Backend, Play, Sent};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// A story that was played.
pub struct Told {
    /// The proxy behind it.
    pub proxy: Proxy,
    /// The exchange of each client, by its place; `None` for one that never began.
    pub exchanges: Vec<Option<ExchangeId>>,
    /// Which clients went away by themselves.
    pub left: Vec<bool>,
}

impl Told {
    /// The exchanges of the clients that stayed to their end, each with the number of the request that was sent.
    pub fn stayed(&self, story: &Story) -> Vec<(usize, ExchangeId)> {
        let each = story.clients.iter().zip(&self.exchanges).zip(&self.left);
        each.filter(|(_, left)| !**left).filter_map(|((client, id), _)| Some((client.request, (*id)?))).collect()
    }
}

/// What a client has still to send.
struct Rest {
    begun: Option<ExchangeId>,
    pieces: VecDeque<Vec<u8>>,
    trailers: Option<HeaderMap>,
    left: bool,
}

impl Story {
    /// Plays the story with this proxy, until every exchange is over.
    ///
    /// # Errors
    /// Whatever the filter does; [`Error::Hung`] where an exchange does not end.
    pub fn play(&self, mut proxy: Proxy, requests: &[Request]) -> Result<Told, Error> {
        self.direct(&mut proxy);
        let mut rests: Vec<Rest> = self.clients.iter().map(|client| Rest::of(client.request, &client.delivery, requests)).collect();
        for step in &self.moves {
            match *step {
                Move::Next(client) => self.next(&mut proxy, &mut rests, client, requests)?,
                Move::Wait(millis) => proxy.advance(Duration::from_millis(millis))?,
                Move::Leave(client) => {
                    if let Some(rest) = rests.get_mut(client)
                        && let Some(id) = rest.begun.filter(|id| !proxy.is_over(*id))
                    {
                        rest.left = true;
                        proxy.abort(id)?;
                    }
                }
            }
        }
        for client in 0..rests.len() {
            while rests[client].goes_on() {
                self.next(&mut proxy, &mut rests, client, requests)?;
            }
        }
        for rest in &rests {
            if let Some(id) = rest.begun {
                proxy.finish(id)?;
            }
        }
        let exchanges = rests.iter().map(|rest| rest.begun).collect();
        Ok(Told { proxy, exchanges, left: rests.iter().map(|rest| rest.left).collect() })
    }

    /// Puts the story's deliveries, weather and faults between the filter and the stage.
    fn direct(&self, proxy: &mut Proxy) {
        let answers: Rc<RefCell<VecDeque<Delivery>>> = Rc::new(RefCell::new(self.answers.iter().cloned().collect()));
        for cluster in proxy.wiring.clusters.values_mut() {
            let Backend::Plays(provider) = &mut cluster.backend else { continue };
            let mut usual = std::mem::replace(provider, Box::new(|_| Play::refuse()));
            let answers = answers.clone();
            *provider = Box::new(move |sent: &Sent| {
                let play = usual(sent);
                let delivery = answers.borrow_mut().pop_front();
                delivery.map_or(play.clone(), |delivery| delivery.reshape(play))
            });
        }
        let weather: Rc<RefCell<VecDeque<Weather>>> = Rc::new(RefCell::new(self.callouts.iter().copied().collect()));
        for service in proxy.host.vm.state().clusters.values_mut() {
            let usual = std::mem::replace(service, Box::new(|_| Answer::Timeout));
            *service = under(weather.clone(), usual);
        }
        for service in proxy.host.vm.state().services.values_mut() {
            let usual = std::mem::replace(service, Box::new(|_| RpcPlay::silence()));
            *service = under_too(weather.clone(), usual);
        }
        for (after, status) in &self.faults {
            proxy.host.fail(Fault::new("*", *status).after(*after).once());
        }
    }

    fn next(&self, proxy: &mut Proxy, rests: &mut [Rest], client: usize, requests: &[Request]) -> Result<(), Error> {
        let Some(rest) = rests.get_mut(client).filter(|rest| rest.goes_on()) else { return Ok(()) };
        let Some(id) = rest.begun else {
            let Some(request) = self.clients.get(client).and_then(|client| requests.get(client.request)) else { return Ok(()) };
            let bare = rest.pieces.is_empty() && rest.trailers.is_none();
            rest.begun = Some(proxy.open(request.headers.clone(), bare)?);
            return Ok(());
        };
        match rest.pieces.pop_front() {
            Some(piece) => proxy.send_data(id, &piece, rest.pieces.is_empty() && rest.trailers.is_none()),
            None => match rest.trailers.take() {
                Some(trailers) => proxy.send_trailers(id, trailers),
                None => Ok(()),
            },
        }
    }
}

impl Rest {
    fn of(request: usize, delivery: &Delivery, requests: &[Request]) -> Rest {
        let body = requests.get(request).map(|request| request.pieces.concat()).unwrap_or_default();
        // A request without a body ends with its headers, however the story would cut it.
        let (pieces, trailers) = if body.is_empty() { (Vec::new(), None) } else { (delivery.pieces(&body), delivery.trailers()) };
        Rest { begun: None, pieces: pieces.into(), trailers, left: false }
    }

    fn goes_on(&self) -> bool {
        !self.left && (self.begun.is_none() || !self.pieces.is_empty() || self.trailers.is_some())
    }
}

/// A service under the story's weather.
fn under(weather: Rc<RefCell<VecDeque<Weather>>>, mut usual: Answers) -> Answers {
    Box::new(move |call: &Callout| match weather.borrow_mut().pop_front() {
        None | Some(Weather::Fair) => usual(call),
        Some(Weather::Late(millis)) => Answer::After(Duration::from_millis(millis), Box::new(usual(call))),
        Some(Weather::Silence) => {
            usual(call);
            Answer::Timeout
        }
        Some(Weather::Reset) => {
            usual(call);
            Answer::Reset
        }
        Some(Weather::Refused) => Answer::Refused,
        Some(Weather::Fails(status)) => Answer::Fails(status),
    })
}

/// A gRPC service under it: what becomes of a stream is said when it begins.
fn under_too(weather: Rc<RefCell<VecDeque<Weather>>>, mut usual: Services) -> Services {
    let mut hushed = BTreeSet::new();
    Box::new(move |rpc: &Rpc| {
        let begins = !rpc.stream || rpc.messages.is_empty() && !rpc.ended;
        if hushed.contains(&rpc.token) {
            usual(rpc);
            return RpcPlay::silence();
        }
        match begins.then(|| weather.borrow_mut().pop_front()).flatten() {
            None | Some(Weather::Fair) => usual(rpc),
            Some(Weather::Late(millis)) => RpcPlay::silence().wait(Duration::from_millis(millis)).then(usual(rpc)),
            Some(Weather::Silence) => {
                usual(rpc);
                hushed.insert(rpc.token);
                RpcPlay::silence()
            }
            Some(Weather::Reset) => {
                usual(rpc);
                hushed.insert(rpc.token);
                RpcPlay::silence().metadata(HeaderMap::new()).reset()
            }
            Some(Weather::Refused) => {
                hushed.insert(rpc.token);
                RpcPlay::refused()
            }
            Some(Weather::Fails(status)) => RpcPlay::fails(status),
        }
    })
}
