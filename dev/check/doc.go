// Package check plants mistakes, one at a time, into an installation that is in order, and holds `starter check` to finding
// each of them and naming the remedy. The installation is real as far as the check can tell: a Temporal server, a worker
// and the simulated IBM Cloud. It has no code of its own besides tests.
package check
