//! Tasks of the house: `cargo xtask test`, `cargo xtask lock`.

fn main() {
    eprintln!("no task yet");
}
