package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// kept is what is left of a run of the bench.
type kept struct {
	Begun   time.Time `json:"begun"`
	Took    string    `json:"took"`
	Go      string    `json:"go"`
	Cores   int       `json:"cores"`
	Figures []figure  `json:"figures"`
	Sizes   []size    `json:"sizes,omitempty"`
}

// with takes the rows over that were measured again; each figure says when it was.
func (k kept) with(again kept) kept {
	k.Figures = slices.DeleteFunc(slices.Clone(k.Figures), func(old figure) bool {
		return slices.ContainsFunc(again.Figures, func(f figure) bool { return f.Row == old.Row })
	})
	k.Figures = append(k.Figures, again.Figures...)
	slices.SortStableFunc(k.Figures, func(x, y figure) int { return strings.Compare(x.Row, y.Row) })
	if len(again.Sizes) == len(k.Sizes) || len(k.Sizes) == 0 {
		k.Sizes = again.Sizes
	}
	if k.Begun.IsZero() {
		k.Begun, k.Took, k.Go, k.Cores = again.Begun, again.Took, again.Go, again.Cores
	}
	return k
}

// The files in the directory of results.
const (
	latestFile   = "latest.json" // of each row the last measurement
	baselineFile = "baseline.json"
	plotFile     = "growth.svg"
)

// missed says which targets do not hold.
type missed struct{ figures []figure }

// Error implements error.
func (m *missed) Error() string {
	words := make([]string, len(m.figures))
	for i, f := range m.figures {
		words[i] = f.String()
	}
	return fmt.Sprintf("%d targets are missed:\n  %s", len(words), strings.Join(words, "\n  "))
}

// publish prints the table and keeps the figures; those of some rows only are kept as the latest of these rows.
func (b *bench) publish(dir string, whole, baseline bool) error {
	if err := b.table(); err != nil {
		return err
	}
	base, err := read(filepath.Join(dir, baselineFile))
	if err != nil {
		return err
	}
	for _, text := range regressions(b.figures, base.Figures) {
		fmt.Fprintf(b.out, "slower than the baseline: %s\n", text)
	}
	k := kept{Begun: b.begun.UTC().Truncate(time.Second), Took: time.Since(b.begun).Round(time.Second).String(), Go: runtime.Version(),
		Cores: runtime.NumCPU(), Figures: b.figures, Sizes: b.sizes}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory for results: %w", err)
	}
	latest := filepath.Join(dir, latestFile)
	if !whole {
		before, err := read(latest)
		if err != nil {
			return err
		}
		k = before.with(k)
	}
	err = write(latest, k)
	if baseline {
		err = errors.Join(err, write(filepath.Join(dir, baselineFile), k))
	}
	if len(b.sizes) >= 3 {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, plotFile), []byte(plot(b.sizes)), 0o644))
	}
	var bad []figure
	for _, f := range b.figures {
		if !f.met() {
			bad = append(bad, f)
		}
	}
	if len(bad) > 0 {
		err = errors.Join(err, &missed{bad})
	}
	return err
}

func (b *bench) table() error {
	fmt.Fprintln(b.out)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "row\twhat\ttarget\tfigure\tverdict\t")
	for _, f := range b.figures {
		value := number(f.Value) + unit(f.Unit)
		if f.Problem != "" {
			value = "–"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t\n", f.Row, f.What, f.target(), value, f.verdict())
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	fmt.Fprintf(b.out, "\ntook %s on %d cores\n", time.Since(b.begun).Round(time.Second), runtime.NumCPU())
	return nil
}

// read is what was kept; nothing where there is no such file.
func read(path string) (kept, error) {
	var k kept
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return k, fmt.Errorf("read the baseline: %w", err)
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return k, fmt.Errorf("read the baseline %s: %w", path, err)
	}
	return k, nil
}

func write(path string, k kept) error {
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
