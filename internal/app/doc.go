// Package app puts the parts together: it reads the configuration, makes the logger, the Temporal client, the adapters
// and the worker, and says on the client's side what people do with a run. Programs and the development environment
// use it; no library does.
//
// It is the only place that knows all parts. It must not know how anything looks on a terminal, nor flags, nor exit
// codes.
package app
