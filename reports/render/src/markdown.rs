//! `summary.md`: the first screen and the tables for the step summary of a CI system.
//!
//! GitHub drops a summary over 1 MiB whole, so this one holds no series and its lists are bounded. Everything that
//! comes from outside is escaped: a pipe cannot break a table, a tag or a link stays text.

use shakedown_analysis::Analysis;

use crate::document::{
    Table, checks_table, data_loss_found, data_loss_table, failover_table, faults_table,
    figures_table, latency_table, recovery_point, split_table,
};
use crate::screen::{FirstScreen, Line};
use crate::words::inert;

/// More rows of a table than this are left to the HTML report.
const MOST_ROWS: usize = 200;

/// More orders of data loss than this are left to the HTML report.
const MOST_STORIES: usize = 20;

/// The summary.
pub(crate) fn render_markdown(analysis: &Analysis) -> String {
    let record = &analysis.record;
    let screen = FirstScreen::of(record);
    let mut out = String::new();
    let headline = &screen.headline;
    out.push_str(&format!(
        "## {} {}: {}\n\n**{}** (exit {})\n\n",
        sign(record.verdict, record.dirty),
        escape(&headline.word),
        escape(&record.run.scenario),
        escape(&headline.text),
        headline.exit_code
    ));
    facts(&mut out, &screen);
    section(&mut out, "Checks", &checks_table(record));
    section(&mut out, "Faults", &faults_table(record));
    section(
        &mut out,
        "Effects: asked and measured",
        &figures_table(record),
    );
    section(
        &mut out,
        "Failover, as the clients saw it",
        &failover_table(&record.failover),
    );
    section(
        &mut out,
        "Failover, by platform and engine",
        &split_table(&record.failover),
    );
    data(&mut out, analysis);
    section(&mut out, "Latency by phase", &latency_table(record));
    out.push_str(&format!(
        "<sub>Run {}. Response time counts from the moment an order was due; failures count as the timeout.</sub>\n",
        escape(&screen.run)
    ));
    out
}

fn sign(verdict: shakedown_record::Verdict, dirty: bool) -> &'static str {
    use shakedown_record::Verdict;
    match verdict {
        _ if dirty => "❌",
        Verdict::Pass => "✅",
        Verdict::Fail => "❌",
        Verdict::Inconclusive => "⚠️",
    }
}

fn facts(out: &mut String, screen: &FirstScreen) {
    let mut item = |label: &str, text: &str| {
        out.push_str(&format!("- {label}{}\n", escape(text)));
    };
    for reason in &screen.reasons {
        item("also: ", reason);
    }
    item("", &screen.target);
    if let Some(self_test) = &screen.self_test {
        item("Self-test: ", self_test);
    }
    for overruled in &screen.overruled {
        item("Guard overruled: ", overruled);
    }
    if let Some(defect) = &screen.defect {
        item("Defect of the stand-in switched on: ", defect);
    }
    let told = |line: &&Line| !line.text.is_empty();
    for line in screen.faults.iter().chain(&screen.outages).filter(told) {
        item("", &line.text);
    }
    item("Read back: ", &screen.read_back.text);
    item("Generator: ", &screen.generator.text);
    for line in &screen.left_behind {
        item("Left behind: ", &line.text);
    }
    if let Some(classes) = &screen.not_checked {
        item("Not checked: ", classes);
    }
    for check in &screen.checks {
        if let Some(command) = &check.observed.command {
            out.push_str(&format!("- {}: {}\n", escape(&check.id), code(command)));
        }
    }
    out.push('\n');
}

fn data(out: &mut String, analysis: &Analysis) {
    let data = &analysis.record.data_loss;
    if !data_loss_found(data) {
        return;
    }
    section(out, "Data loss", &data_loss_table(data, true));
    if let Some(point) = recovery_point(data) {
        out.push_str(&format!("{}\n\n", escape(&point)));
    }
    for example in data.examples.iter().take(MOST_STORIES) {
        out.push_str(&format!(
            "- {} {}: {}\n",
            escape(&example.class),
            code(&example.order),
            escape(&example.story)
        ));
    }
    out.push('\n');
}

pub(crate) fn section(out: &mut String, title: &str, table: &Table) {
    if !table.rows.is_empty() {
        out.push_str(&format!("### {title}\n\n{}\n", set(table)));
    }
}

fn set(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = row(table.columns.iter().map(|c| c.label.to_owned()).collect());
    out.push_str(&row(table
        .columns
        .iter()
        .map(|column| if column.numeric { "---:" } else { "---" }.to_owned())
        .collect()));
    for cells in table.rows.iter().take(MOST_ROWS) {
        out.push_str(&row(cells.iter().map(|cell| escape(&cell.text)).collect()));
    }
    if table.rows.len() > MOST_ROWS {
        let more = table.rows.len() - MOST_ROWS;
        out.push_str(&format!("\nand {more} more, in `report.html`\n"));
    }
    out
}

/// Text without any power in Markdown.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in inert(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '!' | '#' | '$' => {
                out.push('\\');
                out.push(c);
            }
            // Keeps user names and addresses from becoming mentions and links.
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out.replace("://", ":&#47;/").replace("www.", "www&#46;")
}

/// Text as code; a fence of its own length, so that backticks inside stay text, and no pipe that ends a cell.
fn code(text: &str) -> String {
    let text = inert(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Cell;

    #[test]
    fn nothing_from_outside_has_power() {
        let mut table = Table::new(&["A"]);
        table.push(vec![Cell::new("a|b <script> [x](http://x) `c` @me")]);
        let text = set(&table);
        assert!(
            text.contains(r"a\|b &lt;script&gt; \[x\](http:&#47;/x) \`c\` &#64;me"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn a_thousand_faults_do_not_blow_the_summary_up() {
        let mut table = Table::new(&["A"]);
        (0..1_000).for_each(|n| table.push(vec![Cell::new(n.to_string())]));
        let text = set(&table);
        assert!(
            text.ends_with("| 199 |\n\nand 800 more, in `report.html`\n"),
            "{text}"
        );
    }

    #[test]
    fn backticks_stay_inside_of_code() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b"), "``` a``b ```");
    }
}
