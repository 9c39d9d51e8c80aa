//! Every scenario is survived, and every naive behaviour is caught by its scenario and by lives of chance.

use rohrpost_sim::{Options, Plant, SCENARIOS, live};

#[test]
fn every_scenario_is_survived() {
    for scenario in SCENARIOS {
        let life = scenario.live(None);
        let steps = life.last_steps.join("\n");
        assert_eq!(
            life.violations, [""; 0],
            "scenario {}: {}\n{steps}",
            scenario.number, scenario.name
        );
    }
}

#[test]
fn every_scenario_shows_its_plants() {
    for scenario in SCENARIOS {
        for &plant in scenario.plants {
            let life = scenario.live(Some(plant));
            assert_ne!(
                life.violations, [""; 0],
                "scenario {}: {plant:?} is not caught",
                scenario.number
            );
        }
    }
}

#[test]
fn every_plant_has_its_scenario() {
    for plant in Plant::ALL {
        let of = SCENARIOS.iter().filter(|scenario| scenario.plants.contains(plant));
        assert_eq!(of.count(), 1, "{plant:?}");
    }
}

/// How many lives it takes is what `cargo xtask sim --plant all` prints: four in the middle, some hundred at most.
#[test]
fn lives_of_chance_catch_every_plant_too() {
    for &plant in Plant::ALL {
        let options = |seed| Options { seed, plant: Some(plant), ..Options::default() };
        // A panic in the engine's own checks is a catch as well.
        let is_caught = |seed| {
            std::panic::catch_unwind(|| live(&options(seed)))
                .map_or(true, |life| !life.violations.is_empty())
        };
        assert!((0..2000).any(is_caught), "{plant:?}");
    }
}
