package chaos_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"offboard/internal/offboard"
)

// counts are the numbers of one matrix.
type counts struct {
	Cases, Completed, Turned, Held, Outages, Duplicates, Promises, Broken, Secrets int
	Searched                                                                       int64 // bytes
}

// table is what all cases together came to.
type table struct {
	mu    sync.Mutex
	began time.Time
	order []string
	rows  map[string]*counts
	notes map[string]int
}

var tally = &table{began: time.Now(), rows: map[string]*counts{}, notes: map[string]int{}}

// add counts into a matrix's row.
func (t *table) add(matrix string, f func(*counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row := t.rows[matrix]
	if row == nil {
		row = &counts{}
		t.rows[matrix] = row
		t.order = append(t.order, matrix)
	}
	f(row)
}

// note counts something worth telling that is no fault.
func (t *table) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes[fmt.Sprintf(format, args...)]++
}

// end counts how a run ended.
func (t *table) end(matrix string, out outcome) {
	t.add(matrix, func(c *counts) {
		c.Cases++
		if len(out.holds) > 0 {
			c.Held++
		}
		if out.report.Status == offboard.Completed {
			c.Completed++
		} else {
			c.Turned++
		}
	})
}

// publish prints the table and, after all cases were tried, leaves it in dev/out.
func (t *table) publish(full bool) error {
	if len(t.order) == 0 {
		return nil
	}
	text := t.String()
	fmt.Print(text)
	if !full {
		return nil
	}
	dir := filepath.Join("..", "out")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory for the numbers: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "chaos.txt"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the numbers: %w", err)
	}
	return nil
}

func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	mode := "a sample of the cases"
	if full {
		mode = "all cases"
	}
	fmt.Fprintf(&b, "\nChaos, %s, %s, took %s\n\n", mode, t.began.UTC().Format(time.DateTime), time.Since(t.began).Round(time.Second))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "matrix\tcases\tcompleted\tended otherwise\theld in between\toutages\tduplicate keys\tpromises checked\tbroken\tsecrets found\tMB searched\t")
	var sum counts
	for _, name := range t.order {
		c := t.rows[name]
		c.print(w, name)
		sum.Cases += c.Cases
		sum.Completed += c.Completed
		sum.Turned += c.Turned
		sum.Held += c.Held
		sum.Outages += c.Outages
		sum.Duplicates += c.Duplicates
		sum.Promises += c.Promises
		sum.Broken += c.Broken
		sum.Secrets += c.Secrets
		sum.Searched += c.Searched
	}
	sum.print(w, "all")
	w.Flush()
	for _, text := range slices.Sorted(maps.Keys(t.notes)) {
		fmt.Fprintf(&b, "%d x %s\n", t.notes[text], text)
	}
	return b.String()
}

func (c *counts) print(w *tabwriter.Writer, name string) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, c.Cases, c.Completed, c.Turned, c.Held, c.Outages, c.Duplicates, c.Promises, c.Broken, c.Secrets, c.Searched>>20)
}
