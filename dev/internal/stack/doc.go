// Package stack puts together what an offboarding needs on one machine: a Temporal server, the simulated IBM Cloud, and
// the engine's worker, built by the same composition root as the worker program and pointed at the simulator by nothing
// but configuration.
//
// It must not know what is done with the stack: the demo, the manual playground and the tests do that.
package stack
