// Package chaos proves the promises of an offboarding while things go wrong: every API call fails in every way, the
// worker or the whole Temporal server is killed at every change, people turn runs round at every step, and seeded
// schedules mix all of it with changes that somebody else makes.
//
// It drives the worker on a real Temporal server against a simulated account, as the people around it would: it approves
// the plan and answers holds. What it believes of a run it believes because the simulator's ledger says so. It must not
// know how the engine works inside.
//
// Without more it tries a sample of the cases. CHAOS=full tries all of them, and the build tag postgres adds those that
// need PostgreSQL's programs; -run and the name of a case repeat one, and -chaos.seed repeats a random schedule. The numbers of the last full run are in docs/reliability.md.
package chaos
