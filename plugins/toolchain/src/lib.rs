//! Builds mappings written in Rust into components, with the compiler that the
//! machine has for them.
//!
//! Rust's own toolchain does it once rustup has the target. Where the target
//! can't be had, Debian's `rustc-web` does it, which brings the source of the
//! standard library. Either way rustup's `wasm-component-ld` links, so cargo
//! writes the component directly.
//!
//! The bytes depend on the compiler and the sources alone, not on where they
//! lie: paths are mapped away.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The target that gives a component which imports nothing of its own accord.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// The workspace's profile for mappings.
const PROFILE: &str = "plugin";
/// The folder of the components, in the target folder.
const COMPONENTS: &str = "components";
/// Debian's packages that hold a compiler for the target.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust";
/// Names the compiler to use, `rustup` or `debian`, where a machine has both.
pub const CHOICE: &str = "EFFICLOSE_GUEST_COMPILER";

/// A compiler for mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// The toolchain in use, with the target added by rustup.
    Rustup,
    /// Debian's compiler, which builds the standard library anew.
    Debian,
}

impl Compiler {
    /// Returns the compiler that this machine has.
    ///
    /// The environment variable [`CHOICE`] decides where there are two.
    pub fn find() -> Result<Self, Error> {
        let choice = std::env::var(CHOICE).ok();
        let wanted = |name| choice.as_deref().is_none_or(|choice| choice == name);
        if wanted("rustup") && sysroot()?.join("lib/rustlib").join(TARGET).is_dir() {
            return Ok(Self::Rustup);
        }
        let debian = [DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_LIBRARY];
        if wanted("debian") && debian.iter().all(|path| Path::new(path).exists()) {
            return Ok(Self::Debian);
        }
        Err(Error::Missing)
    }

    /// Installs a compiler where there is none: the target by rustup where it can
    /// be had, else Debian's packages. Says on standard error what it does.
    pub fn install() -> Result<Self, Error> {
        if let Ok(compiler) = Self::find() {
            return Ok(compiler);
        }
        if std::env::var(CHOICE).as_deref() != Ok("debian") {
            run(Command::new("rustup").args(["target", "add", TARGET])).ok();
            if let Ok(compiler) = Self::find() {
                return Ok(compiler);
            }
            eprintln!("rustup has no {TARGET}; Debian's compiler it is");
        }
        run(Command::new("apt-get").args(["update", "-q"]))?;
        run(Command::new("apt-get")
            .args(["install", "-y", "-q", "--no-install-recommends"])
            .args(DEBIAN_PACKAGES)
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
        Self::find()
    }

    /// Builds packages of the workspace at `workspace` and returns the components
    /// in the same order. `target` is cargo's folder for what it makes.
    ///
    /// Each is built by itself: cargo would give what two packages share the
    /// features that either asks for.
    pub fn build(
        self,
        workspace: &Path,
        packages: &[&str],
        target: &Path,
    ) -> Result<Vec<PathBuf>, Error> {
        packages.iter().map(|package| self.build_one(workspace, package, target)).collect()
    }

    fn build_one(self, workspace: &Path, package: &str, target: &Path) -> Result<PathBuf, Error> {
        let sysroot = sysroot()?;
        let tools = sysroot.join("lib/rustlib").join(host(&sysroot)?).join("bin");
        let linker = tools.join("wasm-component-ld");
        if !linker.is_file() {
            return Err(Error::Linker(linker));
        }
        let mut flags = vec![
            "-Clinker-flavor=wasm-ld".to_owned(),
            format!("-Clink-arg=--wasm-ld-path={}", tools.join("gcc-ld/wasm-ld").display()),
            remap(&cargo_home(), "/cargo"),
            remap(workspace, "/src"),
        ];
        let mut cargo = self.cargo();
        match self {
            Self::Rustup => flags.push(remap(&sysroot.join("lib/rustlib/src/rust"), "/rustc")),
            Self::Debian => {
                flags.push(remap(Path::new(DEBIAN_LIBRARY), "/rustc"));
                cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            }
        }
        cargo
            .args(["build", "--profile", PROFILE, "--target", TARGET])
            .arg("--target-dir")
            .arg(target)
            .arg("--manifest-path")
            .arg(workspace.join("Cargo.toml"))
            .args(["--package", package])
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        // A project that was just begun has nothing locked yet.
        if workspace.join("Cargo.lock").exists() {
            cargo.arg("--locked");
        }
        if self == Self::Debian {
            cargo.arg("-Zbuild-std=std,panic_abort");
        }
        run(&mut cargo)?;
        // Taken away at once: cargo puts what another package needs of this one, made
        // with other features, in the same place.
        let name = format!("{}.wasm", package.replace('-', "_"));
        let components = target.join(COMPONENTS);
        let place = components.join(&name);
        std::fs::create_dir_all(&components)
            .and_then(|()| std::fs::copy(target.join(TARGET).join(PROFILE).join(&name), &place))
            .map_err(|cause| Error::Copy { place: place.clone(), cause })?;
        Ok(place)
    }

    /// Returns cargo in an environment that an outer build has not touched.
    fn cargo(self) -> Command {
        let mut cargo = Command::new(match self {
            Self::Rustup => "cargo",
            Self::Debian => DEBIAN_CARGO,
        });
        let kept = ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_HTTP_PROXY", "CARGO_HTTP_CAINFO"];
        let outer = ["CARGO", "RUSTC", "RUSTFLAGS", "RUSTDOC", "CLIPPY", "MAKEFLAGS", "MFLAGS"];
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if outer.iter().any(|start| name.starts_with(start)) && !kept.contains(&&*name) {
                cargo.env_remove(&*name);
            }
        }
        cargo
    }
}

/// Runs a command whose output goes to standard error.
fn run(command: &mut Command) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(std::process::Stdio::null()).stdout(std::io::stderr());
    let status = command.status().map_err(|cause| Error::Start { name: name.clone(), cause })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { name, code: status.code() }) }
}

fn sysroot() -> Result<PathBuf, Error> {
    // Cargo names the compiler in use to build scripts; rustup's is on the path.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .output()
        .map_err(|cause| Error::Start { name: "rustc".to_owned(), cause })?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Returns the name of this machine's own target: the only one of the installed
/// that brings tools.
fn host(sysroot: &Path) -> Result<String, Error> {
    let targets = std::fs::read_dir(sysroot.join("lib/rustlib"));
    let targets = targets.map_err(|cause| Error::Start { name: "rustc".to_owned(), cause })?;
    let mut with_tools = targets.flatten().filter(|target| target.path().join("bin").is_dir());
    let host = with_tools.next().ok_or_else(|| Error::Linker(sysroot.to_owned()))?;
    Ok(host.file_name().to_string_lossy().into_owned())
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

fn remap(path: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", path.display())
}

/// Why no component was built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No compiler for mappings.
    #[error(
        "this machine has no compiler for {TARGET}: run `rustup target add {TARGET}`, or on Debian \
         `apt-get install {}`",
        DEBIAN_PACKAGES.join(" ")
    )]
    Missing,
    /// The toolchain in use lacks the linker.
    #[error("{} is missing: use Rust 1.95 or later from rustup", .0.display())]
    Linker(PathBuf),
    /// A component can't be put in its place.
    #[error("can't write {}: {cause}", place.display())]
    Copy {
        /// The place.
        place: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A program can't be started.
    #[error("can't run {name}: {cause}")]
    Start {
        /// The program.
        name: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A program failed; its own words stand above.
    #[error("{name} failed{}", .code.map(|code| format!(" with code {code}")).unwrap_or_default())]
    Failed {
        /// The program.
        name: String,
        /// Its exit code.
        code: Option<i32>,
    },
}
