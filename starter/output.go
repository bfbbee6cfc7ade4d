package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"offboard/internal/app"
	"offboard/internal/offboard"
)

// problem is an error, for programs.
type problem struct {
	Error    string   `json:"error"`
	Problems []string `json:"problems,omitempty"` // of an input, each for itself
	Run      string   `json:"run,omitempty"`      // that has the person already
	Link     string   `json:"link,omitempty"`
}

// complain writes an error for people or for programs.
func (p *program) complain(err error) {
	if p.format != "json" {
		fmt.Fprintln(p.err, "starter:", err)
		return
	}
	answer := problem{Error: err.Error()}
	if invalid, yes := errors.AsType[*offboard.InvalidInput](err); yes {
		answer.Problems = invalid.Problems
	}
	if invalid, yes := errors.AsType[*invalidFile](err); yes {
		answer.Problems = invalid.problems
	}
	if open, yes := errors.AsType[*app.AlreadyRunning](err); yes {
		answer.Run, answer.Link = open.WorkflowID, open.Link
	}
	enc := json.NewEncoder(p.err)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(answer) // nobody is left to tell
}

// json prints an answer for programs.
func (p *program) json(value any) error { return p.encode(value, "  ") }

// line prints an answer for programs as one line of several.
func (p *program) line(value any) error { return p.encode(value, "") }

func (p *program) encode(value any, indent string) error {
	enc := json.NewEncoder(p.out)
	enc.SetIndent("", indent)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// ask puts a question and reads one line. An ended input is an empty answer.
func (p *program) ask(format string, args ...any) (string, error) {
	fmt.Fprintf(p.err, format+" ", args...)
	line, err := p.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}
