// Package temporalite runs one real Temporal server and its Web UI inside the
// calling process, on loopback, without Docker and without downloads. It is
// what the demo and the end-to-end tests talk to; it knows nothing of
// offboarding and nothing of IBM Cloud.
//
// It lives in a module of its own because the server brings several hundred
// modules with it, cloud SDKs included, that the product must not carry.
//
// # Pitfalls, each paid for once
//
//   - There is no authentication and no TLS. Bind anything but loopback only
//     inside a network nobody else can reach.
//   - The database schema is written once, into an empty file. The server has
//     no migration for SQLite, so [Start] compares a fingerprint of the schema
//     and refuses a directory that another server version wrote. Remove the
//     directory, or keep state in memory.
//   - Committed workflow state survives kill -9 of the process. With the write
//     ahead log and synchronous=1 a power failure may lose the last commits;
//     the file itself stays intact.
//   - One data directory, one server: a second [Start] on it fails with
//     [ErrDataInUse] instead of letting two servers fence each other forever.
//   - PostgreSQL instead of SQLite is for tests that want more shards and a real
//     database behind the server; see [PostgreSQL] for what it does not guard.
//   - A stopped server leaves about a hundred goroutines and its database
//     connection behind: the server never closes a SQLite connection. Start one
//     server per test package, not per test, and keep leak detectors away.
//   - The server reacts to some failures by exiting the process. Here such a
//     failure ends the start, or is handed out by [Server.Stop]. Only the Web
//     UI still exits the process, if another program takes its port in the
//     instant between the check and the bind.
//   - Search attributes live in numbered columns: at most 10 keywords and 3 of
//     each other type per namespace, and a name can never change its type.
//   - Refreshing search attributes on each read makes new ones usable at once
//     but costs a database query per call. Without the raised persistence
//     limits in this package that alone throttles the server.
//   - A workflow task that is running when server or worker is killed comes back
//     after its timeout of ten seconds, not at once. That is Temporal, not this
//     package; a demonstration that kills things should expect the pause.
//   - Durations of timers and retries are real. A data directory left alone for
//     a day fires everything that fell due at the moment it is reopened.
//   - Stop takes about a second: the frontend always drains.
package temporalite
