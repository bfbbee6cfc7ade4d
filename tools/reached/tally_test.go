package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/cover"
)

const source = `package orders

func ship(fail bool) error {
	if fail {
		return errLost
	}
	return nil
}

func (o *order) refuse() string {
	return "no"
}
`

func counted(t *testing.T, reasons string) (result, []*reason) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "orders.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := readPackage(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := readReasons(strings.NewReader(reasons))
	if err != nil {
		t.Fatal(err)
	}
	profile := &cover.Profile{FileName: "shop/orders/orders.go", Blocks: []cover.ProfileBlock{
		{StartLine: 4, EndLine: 4, NumStmt: 7, Count: 3},
		{StartLine: 4, EndLine: 6, NumStmt: 1},
		{StartLine: 11, EndLine: 11, NumStmt: 2},
	}}
	return tally([]*cover.Profile{profile}, files, list), list
}

func TestWhatIsNotReachedIsNamed(t *testing.T) {
	r, list := counted(t, "")
	if r.all != 10 || r.reached != 7 || r.excused != 0 || len(r.open) != 2 {
		t.Fatalf("counted %+v", r)
	}
	if got := r.open[0]; got.function != "ship" || got.text != "if fail {" || got.line != 4 {
		t.Errorf("the first is %+v", got)
	}
	if got := r.open[1]; got.function != "refuse" || got.text != `return "no"` {
		t.Errorf("the second is %+v", got)
	}
	var out strings.Builder
	if err := report(r, list, &out); err == nil || !strings.Contains(err.Error(), "make record-histories") {
		t.Errorf("70 %% must be too little: %v", err)
	}
	if !strings.Contains(out.String(), "orders.go:11 in refuse: return \"no\"") {
		t.Errorf("said %s", out.String())
	}
}

func TestWhatCannotBeReachedIsExcused(t *testing.T) {
	r, list := counted(t, "# of people\nrefuse | * | nobody says no in a replay\nship | if fail | nothing is lost\n")
	if r.excused != 3 || len(r.open) != 0 {
		t.Fatalf("counted %+v", r)
	}
	if list[0].why != "nobody says no in a replay" {
		t.Errorf("the reason is %q", list[0].why)
	}
}

func TestAReasonThatIsNoneAnyMoreIsWrong(t *testing.T) {
	r, list := counted(t, "ship | if early | gone since\n")
	var out strings.Builder
	if err := report(r, list, &out); err == nil || !strings.Contains(err.Error(), "take the line out") {
		t.Errorf("said %v", err)
	}
}

func TestTheListIsReadStrictly(t *testing.T) {
	_, err := readReasons(strings.NewReader("ship | no reason\nrefuse\n"))
	if err == nil || !strings.Contains(err.Error(), "line 1") || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("said %v", err)
	}
}
