//go:build !race

package ibmsim_test

const raceDetector = false
