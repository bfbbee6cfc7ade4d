// Package determinism holds analyzers for what makes a Temporal workflow do something else in a replay and what
// workflowcheck does not see: an address that fmt prints, a time zone of the machine, a variable that outlives the run, a
// call through an interface, the order of a map where it matters, and the clock as a value.
//
// A function is looked at if it takes a workflow.Context, if one does that it contains, or if such a one calls it, over
// any number of calls and packages. A finding in another package is reported at the call, with the place.
//
// The rules take what they do not know for harmless: a function value that came in as an argument, the methods of a type
// parameter, and functions of packages that were not loaded from source. The import table and workflowcheck are for
// those.
package determinism
