//! The program `carelog`; everything is in the library, so that tests can use it.

use std::process::ExitCode;

/// Much of a command's time is allocation, and this allocator is made for many small pieces on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    carelog::cli::main()
}
