// Package config reads the configuration of the corsgate process. A setting
// has one name and three places: the flag --max-streams, the variable
// CORSGATE_MAX_STREAMS and the key max_streams of the file named by --config.
// A flag wins over the environment, the environment over the file, the file
// over the default.
//
// The binding is generic: whatever flag a command defines on its
// [pflag.FlagSet] takes part, so a new setting is one line. Names that nobody
// defined are refused in all three places, with the nearest name as a hint, and
// every problem is reported at once with its source and its fix ([Problems]).
//
// Secrets are given as files. The one value that may hold one, the URL of a
// Redis, is refused with a password on the command line, which every user of the
// machine can read; in a variable or the file it may have one. This package and
// the commands are the only readers of the environment.
package config
