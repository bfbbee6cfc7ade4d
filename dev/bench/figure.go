package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// figure is one number of a row.
type figure struct {
	Row   string  `json:"row"`
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	// Limit is the target; Sense says on which side of it is good. Without a sense the figure is only reported.
	Limit float64 `json:"limit,omitempty"`
	Sense sense   `json:"sense,omitempty"`
	// Runs are the single measurements whose median Value is.
	Runs []float64 `json:"runs,omitempty"`
	Note string    `json:"note,omitempty"`
	// Problem says why there is no number; the target is missed then.
	Problem string    `json:"problem,omitempty"`
	At      time.Time `json:"at,omitzero"` // when it was measured
}

// sense says on which side of a limit a figure is good.
type sense string

const (
	atMost  sense = "<="
	atLeast sense = ">="
)

// met tells whether the target holds; a figure without one always does.
func (f figure) met() bool {
	switch {
	case f.Problem != "":
		return false
	case f.Sense == atMost:
		return f.Value <= f.Limit
	case f.Sense == atLeast:
		return f.Value >= f.Limit
	}
	return true
}

func (f figure) target() string {
	if f.Sense == "" {
		return "reported"
	}
	return string(f.Sense) + " " + number(f.Limit) + unit(f.Unit)
}

func (f figure) verdict() string {
	switch {
	case !f.met():
		return "MISSED"
	case f.Sense == "":
		return "–"
	}
	return "met"
}

func (f figure) String() string {
	if f.Problem != "" {
		return fmt.Sprintf("%s %s: %s", f.Row, f.What, f.Problem)
	}
	text := fmt.Sprintf("%s %s: %s%s", f.Row, f.What, number(f.Value), unit(f.Unit))
	if f.Note != "" {
		text += " (" + f.Note + ")"
	}
	return text
}

func unit(u string) string {
	if u == "" {
		return ""
	}
	return " " + u
}

// number is a value with three digits that count.
func number(v float64) string {
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
