// Package ibmsim is IBM Cloud on localhost: it speaks the wire of the IAM, user management, resource, search and
// Kubernetes Service APIs to IBM's own SDKs, models how those services behave in time, and keeps a ledger of what was
// done to the account and of every outage that followed.
//
// It is an independent witness. It must not know the product: no package of ours but its own clock and Kubernetes
// server, no IBM SDK, so that it cannot share our misunderstandings. Behaviour that IBM documents carries the number of
// the trap it belongs to; behaviour nobody documents is a knob or is marked "inferred" where it is decided.
//
// An API is one file with its handlers and one line per operation in a route table (routes.go). All state lives in one
// world behind one mutex; what the outside can see of the past (which key was usable when, who held which right, what a
// pod was running on) is kept as intervals, so that outages are computed from history and not from anybody's claim.
package ibmsim
