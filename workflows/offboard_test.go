package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func TestOffboardingInOrder(t *testing.T) {
	o := newOffboarding(t)
	o.approves()
	report := o.run(input())

	require.Equal(t, offboard.Completed, report.Status, report.Message)
	require.Equal(t, []string{}, o.account.changes())
}
