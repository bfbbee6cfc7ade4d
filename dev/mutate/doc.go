// Package mutate has no code but a test, which damages the workflows in every way that a run under way must not meet, one
// at a time, and proves that the replay of the corpus sees each. It takes minutes: make mutate.
//
// It must not know how the replay works.
package mutate
