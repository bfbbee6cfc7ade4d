package chaos_test

import (
	"strings"

	"offboard/internal/ibmsim"
)

// byOutsiders tells whether an entry is somebody's doing who is neither the engine nor a functional ID. Platform entries
// are nobody's.
func byOutsiders(e ibmsim.Entry) bool {
	return e.Method != "" && !strings.HasPrefix(e.Email, "offboard-admin@") && !strings.HasPrefix(e.Email, "clusters-")
}
