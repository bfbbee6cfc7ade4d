// Command workflowlint runs the analyzers of package determinism over the packages that workflows are made of. Without
// arguments it looks at ./workflows and what it is made of; from the root of the repository:
//
//	bin/workflowlint ./workflows ./internal/offboard
//
// It ends with 1 if there is anything to say, and with 2 if it could not look.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"offboard/tools/determinism"
)

func main() {
	found, err := run(".", os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if found > 0 {
		os.Exit(1)
	}
}

// run writes a line for each finding and tells how many there are.
func run(dir string, patterns []string, out io.Writer) (found int, err error) {
	list, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax | packages.NeedModule, Dir: dir}, patterns...)
	if err != nil {
		return 0, fmt.Errorf("load the packages: %w", err)
	}
	var errs []error
	for _, p := range list {
		for _, e := range p.Errors {
			errs = append(errs, fmt.Errorf("load %s: %w", p.PkgPath, e))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	// What they import was read without the bodies of its functions: it is taken for harmless, and left to workflowcheck.
	packages.Visit(list, nil, func(p *packages.Package) {
		if !slices.Contains(list, p) {
			p.Syntax = nil
		}
	})
	graph, err := checker.Analyze(determinism.Analyzers(), list, nil)
	if err != nil {
		return 0, fmt.Errorf("look at the packages: %w", err)
	}
	for _, action := range graph.Roots {
		if action.Err != nil {
			errs = append(errs, fmt.Errorf("look at %s: %w", action.Package.PkgPath, action.Err))
			continue
		}
		for _, d := range action.Diagnostics {
			found++
			at := action.Package.Fset.Position(d.Pos)
			fmt.Fprintf(out, "%s/%s:%d:%d: %s (%s)\n", action.Package.PkgPath, filepath.Base(at.Filename), at.Line, at.Column, d.Message, action.Analyzer.Name)
		}
	}
	return found, errors.Join(errs...)
}
