// Package workflows decides the order of an offboarding, waits, and decides again.
//
// It knows the domain, the activities by their names and types, and Temporal's workflow API. It must not know, at any
// depth, IBM's SDKs or a Kubernetes client, and never reads a clock, the environment, a file or the network.
package workflows
