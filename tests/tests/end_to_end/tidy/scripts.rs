//! Scripts of the project: they can be read by their shell, and no test is forgotten by them.

use std::process::Command;

use super::workspace;

#[test]
fn every_module_of_tests_belongs_to_a_stage() {
    let read = |name: &str| std::fs::read_to_string(workspace().join("tests").join(name));
    let commands: String = ["run.sh", "docker.sh", "kubernetes.sh", "stores.sh"]
        .into_iter()
        .map(|name| read(name).expect("the scripts of the tests are there"))
        .flat_map(|text| text.lines().map(str::to_string).collect::<Vec<_>>())
        .filter(|line| !line.trim_start().starts_with('#'))
        .map(|line| format!("{line} \n"))
        .collect();
    let front = read("tests/end_to_end/main.rs").expect("the front of the tests is there");
    let modules: Vec<&str> = front
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert!(modules.len() > 30, "{modules:?}");
    let in_no_stage: Vec<&str> = modules
        .into_iter()
        .filter(|module| {
            let stage = format!("end_to_end {} ", module.replace('_', "-"));
            !commands.contains(&stage) && !commands.contains(&format!(" {module}::"))
        })
        .collect();
    assert_eq!(in_no_stage, Vec::<&str>::new());
}

#[test]
fn every_script_can_be_read_by_its_shell() {
    let listed = Command::new("git")
        .args(["grep", "-lE", "^#!.*/(env )?(ba)?sh$"])
        .current_dir(workspace())
        .output()
        .expect("git can be asked");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let scripts: Vec<&str> = listed.lines().collect();
    assert!(scripts.len() > 20, "{scripts:?}");
    let unreadable: Vec<String> = scripts.into_iter().filter_map(complaint).collect();
    assert_eq!(unreadable, Vec::<String>::new());
}

/// What the shell says against a script, without running it.
fn complaint(script: &str) -> Option<String> {
    let read = Command::new("bash")
        .args(["-n", script])
        .current_dir(workspace())
        .output()
        .expect("bash can be asked");
    let said = String::from_utf8_lossy(&read.stderr).into_owned();
    (!read.status.success()).then_some(said)
}

#[test]
fn a_script_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("broken.sh");
    std::fs::write(&script, "case $1 in a |\n b) echo ;; esac\n").expect("a file");
    let said = complaint(&script.display().to_string()).expect("it is broken");
    assert!(said.contains("broken.sh: line 1"), "{said}");
}
