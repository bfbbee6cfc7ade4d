package offboard

// engineSymptoms are what this engine and Temporal say when they cannot work.
func engineSymptoms() []Symptom {
	return []Symptom{
		{
			ID:    "no-worker",
			Title: "No worker answers",
			Texts: []string{"no worker answered within", "no poller seen for task queue", "workflow is not ready for queries"},
			Means: "Runs stand still, and lose nothing: a key that is disabled stays disabled, and the soak does not watch meanwhile.",
			Cause: "No worker runs, or it polls another task queue or namespace.",
			Do: []Advice{
				{Text: "See who polls:", Command: "starter check"},
				{Text: "Start one with the same configuration."},
			},
			Confidence: Documented,
		},
		{
			ID:    "search-attribute-missing",
			Title: "Temporal does not know the engine's search attributes",
			Texts: []string{"search attribute … is not defined", "no mapping defined for search attribute", "invalid query … OffboardStatus"},
			Means: "Runs do not get on and lists stay empty. Nothing of the account is changed.",
			Cause: "The namespace was not prepared.",
			Do: []Advice{
				{Text: "Prepare it; doing so twice changes nothing:", Command: "starter setup"},
			},
			Confidence: Documented,
		},
		{
			ID:    "already-running",
			Title: "Another run has this person",
			Codes: []string{"AlreadyRunning"},
			Texts: []string{"a run for this person is open already"},
			Means: "Nothing was started and nothing is wrong: the first run goes on.",
			Cause: "Somebody, or the identity system, started one before. Two runs for one person never both act.",
			Do: []Advice{
				{Text: "Look at it:", Command: "starter status PERSON"},
				{Text: "If it waits for the last day, move that instead of starting anew:", Command: "starter reschedule PERSON --last-day TIME --by YOU"},
			},
			Confidence: Documented,
		},
		{
			ID:    "plan-changed",
			Title: "The plan is not the one that was shown",
			Texts: []string{"is not that of the plan that is shown", "digest … differs"},
			Means: "Nothing was approved and nothing is changed.",
			Cause: "The account changed after the plan was shown: a cluster, a key or an owner.",
			Do: []Advice{
				{Text: "Read the new plan and what differs:", Command: "starter status PERSON --plan"},
				{Text: "Approve that one:", Command: "starter approve PERSON --by YOU"},
			},
			Confidence: Documented,
		},
		{
			ID:    "nondeterminism",
			Title: "A new build does not fit a run under way",
			Codes: []string{"TMPRL1100"},
			Texts: []string{"nondeterministic workflow", "non-deterministic error"},
			Means: "The run stands still until a build that fits polls again. Nothing is lost.",
			Cause: "The workflow's code changed in a way that this run's history notices.",
			Do: []Advice{
				{Text: "See what differs:", Command: "starter replay PERSON"},
				{Text: "Start the build before again."},
			},
			Confidence: Documented,
		},
	}
}
