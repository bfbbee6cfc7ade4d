//go:build race

package ibmsim_test

// raceDetector slows everything down, so that limits on time mean nothing.
const raceDetector = true
