// Package versioning tests Worker Deployment Versioning end to end: two builds of the worker, as processes, on a real
// server. A run that was started on the first build moves to the second as soon as that is current, a hand-over of it
// that is under way stays on the first until it is done, and what is started afterwards begins on the second.
package versioning
