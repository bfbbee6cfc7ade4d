// Command reached tells how many statements of package workflows run when the recorded histories are replayed, and fails
// when they are too few: what no recorded history reaches, a later change of the workflows may break for runs under way
// without any test noticing.
//
// What no replay can reach is listed in workflows/testdata/unreached.txt with the reason, and the list must not name what
// is reached. From the root of the repository:
//
//	go run -C tools ./reached
//
// It must not know what the workflows do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"golang.org/x/tools/cover"
)

// least is the share of statements, in percent, that the recorded histories must reach.
const least = 90

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, "..", os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, out io.Writer) error {
	profiles, err := replayed(ctx, root)
	if err != nil {
		return err
	}
	dir := filepath.Join(root, "workflows")
	source, err := readPackage(dir)
	if err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(dir, "testdata", "unreached.txt"))
	if err != nil {
		return fmt.Errorf("read what cannot be reached: %w", err)
	}
	defer file.Close()
	list, err := readReasons(file)
	if err != nil {
		return err
	}
	return report(tally(profiles, source, list), list, out)
}

// replayed runs the strict replay of every recorded history and returns which statements it ran.
func replayed(ctx context.Context, root string) (_ []*cover.Profile, err error) {
	dir, err := os.MkdirTemp("", "reached-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the profile: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	profile := filepath.Join(dir, "profile")
	cmd := exec.CommandContext(ctx, "go", "test", "-C", root, "-count=1", "-run", "^TestEveryRecordedRunIsReplayedStrictly$",
		"-coverpkg=./workflows", "-coverprofile="+profile, "./workflows")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("replay the recorded histories: %w\n%s", err, text)
	}
	profiles, err := cover.ParseProfiles(profile)
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	return profiles, nil
}

// report says what was counted. The error says what to do.
func report(r result, list []*reason, out io.Writer) error {
	fmt.Fprintf(out, "The recorded histories reach %.1f %% of the %d statements of package workflows; %d %% is the least.\n", r.share(), r.all, least)
	fmt.Fprintf(out, "%d statements cannot be reached, for the reasons in workflows/testdata/unreached.txt. %d others are not:\n", r.excused, len(r.open))
	for _, b := range r.open {
		fmt.Fprintf(out, "  %s:%d in %s: %s\n", b.file, b.line, b.function, b.text)
	}
	var errs []error
	for _, one := range list {
		if one.used == 0 {
			errs = append(errs, fmt.Errorf("unreached.txt, line %d: nothing like %q in %s is unreached any more: take the line out", one.line, one.text, one.function))
		}
	}
	if r.share() < least {
		errs = append(errs, fmt.Errorf("less than %d %% of package workflows is replayed: add paths to dev/record for what is listed above, then make record-histories", least))
	}
	return errors.Join(errs...)
}
