// Package postgres proves natively what docker-compose.yml starts: a Temporal server on PostgreSQL, the worker, the HTTP
// door and the codec server, each a process of its own, with encryption. All are killed at once in the middle of an
// offboarding and come back, and the databases are searched for secrets and for the person. Package production has the
// same with real clusters, and kills them one by one.
//
// It has no code of its own besides tests, and those need PostgreSQL's programs and the build tag postgres.
package postgres
