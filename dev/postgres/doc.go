// Package postgres proves natively what docker-compose.yml starts: a Temporal server on PostgreSQL, the worker and the
// HTTP door, each a process of its own, with encryption. Everything is killed in the middle of an offboarding and comes
// back, and the databases are searched for secrets and for the person.
//
// It has no code of its own besides tests, and those need PostgreSQL's programs and the build tag postgres.
package postgres
