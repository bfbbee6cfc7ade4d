// Package domain is called by workflows.
package domain

import (
	"os"
	"time"
)

func Age(of time.Time) time.Duration { return since(of) }

func since(of time.Time) time.Duration { return time.Since(of) }

func Home() string { return os.Getenv("HOME") }

func Double(n int) int { return 2 * n }
