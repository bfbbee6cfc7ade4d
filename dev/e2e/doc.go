// Package e2e holds the end-to-end tests: whole offboardings of simulated accounts on a real Temporal server, judged by
// what the account's own ledger saw. All tests share one server; each has a namespace, an account and a worker of its
// own.
package e2e
