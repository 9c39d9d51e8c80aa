//! Every scenario is survived, and every naive behaviour is caught by its scenario and by lives of chance.

use rohrpost_sim::{Options, Plant, SCENARIOS, TRANSACTIONAL_SCENARIOS, live};

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

#[test]
fn every_scenario_of_transactions_is_survived_under_every_version() {
    for scenario in TRANSACTIONAL_SCENARIOS {
        for version in 0..=2 {
            let life = scenario.live(version, None);
            let steps = life.last_steps.join("\n");
            assert_eq!(
                life.violations, [""; 0],
                "scenario {}, version {version}: {}\n{steps}",
                scenario.number, scenario.name
            );
        }
    }
}

#[test]
fn every_scenario_of_transactions_shows_its_plants() {
    for scenario in TRANSACTIONAL_SCENARIOS {
        for &plant in scenario.plants {
            for &version in scenario.versions {
                let life = scenario.live(version, Some(plant));
                assert!(
                    life.violations.iter().any(|violation| violation.starts_with("I7")),
                    "scenario {}, version {version}: {plant:?} is not caught: {:?}\n{}",
                    scenario.number,
                    life.violations,
                    life.last_steps.join("\n")
                );
            }
        }
    }
}

#[test]
fn every_plant_of_transactions_has_its_scenario() {
    for plant in Plant::TRANSACTIONAL {
        let of = TRANSACTIONAL_SCENARIOS.iter().filter(|of| of.plants.contains(plant));
        assert_eq!(of.count(), 1, "{plant:?}");
    }
}

/// How many lives it takes is what `cargo xtask sim --plant all` prints.
#[test]
fn lives_of_chance_catch_every_plant_of_transactions_too() {
    for &plant in Plant::TRANSACTIONAL {
        let options =
            |seed| Options { seed, plant: Some(plant), transactional: true, ..Options::default() };
        let is_caught = |seed| {
            std::panic::catch_unwind(|| live(&options(seed)))
                .map_or(true, |life| !life.violations.is_empty())
        };
        assert!((500..2500).any(is_caught), "{plant:?}");
    }
}
