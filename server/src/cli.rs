//! The command line.

use crate::config::{Config, KEYS, Values};
use crate::{admin, backup, fsck, serve, telemetry};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn command() -> Command {
    let settings = |mut command: Command| {
        command = command.arg(
            Arg::new("config").long("config").env("WHARF_CONFIG").value_name("FILE").help("configuration file [default: wharf.toml where there is one]"),
        );
        for key in KEYS {
            let default = if key.default.is_empty() { String::new() } else { format!(" [default: {}]", key.default) };
            command = command.arg(
                Arg::new(key.name).long(key.flag).value_name("VALUE").help(format!("{}{default} [env: {}]", key.help, key.env)),
            );
        }
        command
    };
    Command::new("wharf")
        .about("An OCI container registry with the portal that administers it")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(settings(Command::new("serve").about("Serve the registry, the API and the portal")))
        .subcommand(settings(Command::new("config").about("Print every setting, its value and where it came from")))
        .subcommand(settings(
            Command::new("fsck")
                .about(
                    "Check, with the server stopped, that everything is there; \
                     0: all is well, 1: only space is wasted, 2: something is lost, 3: it could not be checked",
                )
                .arg(Arg::new("deep").long("deep").action(ArgAction::SetTrue).help("read every blob and compare its digest"))
                .arg(Arg::new("repair").long("repair").action(ArgAction::SetTrue).help(
                    "delete bytes that nothing knows, and make lost blobs unknown, so that a push brings them back",
                )),
        ))
        .subcommand(settings(
            Command::new("backup")
                .about("Copy the database and every blob to a folder, while the server runs or not; again in the same folder copies what is new")
                .arg(Arg::new("to").long("to").value_name("FOLDER").required(true).help("an empty folder, or one that holds a backup"))
                .arg(Arg::new("with-key").long("with-key").action(ArgAction::SetTrue).help("put the key in as well: whoever has the backup can then read its secrets")),
        ))
        .subcommand(settings(
            Command::new("verify")
                .about("Read every byte of a backup; 0: it is whole, 1: only space is wasted, 2: something is lost, 3: it could not be checked")
                .arg(Arg::new("from").value_name("FOLDER").required(true)),
        ))
        .subcommand(settings(
            Command::new("restore")
                .about("Make a new data directory from a backup")
                .arg(Arg::new("from").long("from").value_name("FOLDER").required(true).help("what `wharf backup` made")),
        ))
        .subcommand(
            Command::new("admin").about("Administer, with the server stopped or running").subcommand_required(true).subcommand(
                settings(
                    Command::new("reset-password")
                        .about("Give a user a new password, print it, and end their sessions")
                        .arg(Arg::new("user").value_name("USER").required(true)),
                ),
            ),
        )
}

fn values(matches: &ArgMatches) -> Result<Values, String> {
    let mut flags = BTreeMap::new();
    for key in KEYS {
        if let Some(value) = matches.get_one::<String>(key.name) {
            flags.insert(key.name, value.clone());
        }
    }
    let vars = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let file = match matches.get_one::<String>("config") {
        Some(file) => Some(PathBuf::from(file)),
        None => Some(PathBuf::from("wharf.toml")).filter(|path| Path::exists(path)),
    };
    Values::read(&flags, &vars, file.as_deref())
}

fn config(matches: &ArgMatches) -> Result<Config, String> {
    values(matches)?.check()
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())
}

/// Runs the program.
pub fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        // Its outcome is a number.
        Some(("fsck", matches)) => numbered(check(matches)),
        Some(("verify", matches)) => {
            numbered(config(matches).and_then(|config| async_main(backup::check(&config, &path(matches, "from")))))
        }
        Some(("backup", matches)) => config(matches)
            .and_then(|config| async_main(backup::run(&config, &path(matches, "to"), matches.get_flag("with-key")))),
        Some(("restore", matches)) => {
            config(matches).and_then(|config| async_main(backup::bring_back(&config, &path(matches, "from"))))
        }
        _ => run(&matches).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|message| {
        eprintln!("wharf: {message}");
        ExitCode::FAILURE
    })
}

/// What could not be checked is 3.
fn numbered(done: Result<ExitCode, String>) -> Result<ExitCode, String> {
    done.or_else(|message| {
        eprintln!("wharf: {message}");
        Ok(ExitCode::from(3))
    })
}

fn async_main<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    runtime()?.block_on(work)
}

fn path(matches: &ArgMatches, name: &str) -> PathBuf {
    matches.get_one::<String>(name).map(PathBuf::from).unwrap_or_default()
}

fn check(matches: &ArgMatches) -> Result<ExitCode, String> {
    let options = domain::fsck::Options { deep: matches.get_flag("deep"), repair: matches.get_flag("repair") };
    async_main(fsck::run(&config(matches)?, options))
}

fn run(matches: &ArgMatches) -> Result<(), String> {
    match matches.subcommand() {
        Some(("serve", matches)) => {
            let config = config(matches)?;
            telemetry::init(config.log);
            runtime()?.block_on(serve::run(config))
        }
        Some(("config", matches)) => {
            let values = values(matches)?;
            print!("{}", values.print());
            values.check().map(|config| config.foreign.iter().for_each(|name| eprintln!("wharf: {name} is none of our variables and is ignored")))
        }
        Some(("admin", matches)) => match matches.subcommand() {
            Some(("reset-password", matches)) => {
                let user = matches.get_one::<String>("user").cloned().unwrap_or_default();
                let config = config(matches)?;
                let password = runtime()?.block_on(admin::reset_password(&config, &user))?;
                println!("{password}");
                Ok(())
            }
            _ => Err("unknown command".into()),
        },
        _ => Err("unknown command".into()),
    }
}
