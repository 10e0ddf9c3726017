//! The demo: a gateway with everything it needs on the loopback address, a guided tour through it, and then time to play.
mod options;
mod tell;
mod tour;
mod world;

use std::time::Duration;

pub use options::{Options, USAGE};

use crate::trouble::Trouble;

/// Starts everything, runs the tour, and stays until Ctrl-C unless told otherwise. Whether the tour went as it should.
pub fn run(options: &Options) -> Result<bool, Trouble> {
    eprintln!("Preparing (what is fetched stays under target/, a second start takes seconds)");
    let mut world = world::World::start(options)?;
    println!("{}", tell::what_runs(&world));
    let went_well = tour::run(&world, options);
    println!("{}", tell::try_it(&world));
    if options.once {
        return Ok(went_well);
    }
    println!("It stays up until Ctrl-C.");
    loop {
        if let Some(how) = world.gateway.process.ended() {
            return Err(Trouble::new(format!("Envoy ended: {how}\n{}", world.gateway.words()), ""));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
