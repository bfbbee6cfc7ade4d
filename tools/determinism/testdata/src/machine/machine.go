package machine

import (
	"math/rand/v2"
	"os"

	"domain"

	"go.temporal.io/sdk/workflow"
)

func Workflow(ctx workflow.Context) int {
	if os.Getenv("FAST") != "" { // want `os.Getenv asks the machine`
		return 0
	}
	_ = os.Args                        // want `os.Args asks the machine`
	_ = domain.Home()                  // want `os.Getenv asks the machine: .*, which Home reaches at domain/domain.go:13`
	return domain.Double(rand.IntN(6)) // want `math/rand/v2.IntN asks the machine`
}
