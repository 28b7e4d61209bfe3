//! `[topics]`: a name for each.

use super::problem::Problem;
use super::section::Section;
use super::settings::TopicSettings;

pub(super) fn topics(section: &mut Section<'_>) -> Option<TopicSettings> {
    let authorisations = section.topic("authorisations", "stopline.authorisations");
    let decisions = section.topic("decisions", "stopline.decisions");
    let observations = section.topic("observations", "stopline.observations");
    let stop_orders = section.topic("stop_orders", "stopline.stop-orders");
    let topics = TopicSettings {
        authorisations: authorisations?,
        decisions: decisions?,
        observations: observations?,
        stop_orders: stop_orders?,
    };
    let names = [
        ("authorisations", &topics.authorisations),
        ("decisions", &topics.decisions),
        ("observations", &topics.observations),
        ("stop_orders", &topics.stop_orders),
    ];
    for (place, (key, name)) in names.into_iter().enumerate() {
        let earlier = names.iter().take(place).find(|(_, earlier)| *earlier == name);
        if let Some((earlier, _)) = earlier {
            let what = format!("two topics are named `{name}`");
            // One of the two is written: the defaults differ.
            let problem = match section.find(key).or_else(|| section.find(earlier)) {
                Some(node) => Problem::error(&node.spot, what),
                None => Problem::nowhere(what),
            };
            section.problems.push(problem.expected("a topic for each"));
        }
    }
    Some(topics)
}
