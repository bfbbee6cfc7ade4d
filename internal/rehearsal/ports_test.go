package rehearsal_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"offboard/internal/rehearsal"
)

// TestThePortsOnlyRead: whoever gives a rehearsal a method that changes something has to say so here first.
func TestThePortsOnlyRead(t *testing.T) {
	reading := map[string][]string{
		"Users": {"Account", "People", "WhoAmI"}, "Keys": {"Key", "Room", "UserKeys"}, "Access": {"Rights", "TrustedProfiles"},
		"Clusters":   {"ClassicUser", "Clusters", "Indexed", "KeyOwner", "ResourceGroups"},
		"Successors": {"Emails", "Prove"}, "Workloads": {"Inspect"},
	}
	ports := reflect.TypeFor[rehearsal.Ports]()
	for i := range ports.NumField() {
		port := ports.Field(i)
		assert.Equal(t, reflect.Interface, port.Type.Kind(), "%s: what is more than an interface can do more than read", port.Name)
		var methods []string
		for m := range port.Type.NumMethod() {
			methods = append(methods, port.Type.Method(m).Name)
		}
		slices.Sort(methods)
		assert.Equal(t, reading[port.Name], methods, port.Name)
	}
	assert.Len(t, reading, ports.NumField())
}
