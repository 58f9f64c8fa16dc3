//! The `coranto` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    coranto::main()
}
