package offboard

// clusterSymptoms are about what runs in and around clusters: storage, scaling, workers, registry, the API.
func clusterSymptoms() []Symptom {
	return []Symptom{
		{
			ID:    "volumes-after-reset",
			Title: "Volumes cannot be made after a reset",
			Texts: []string{
				"PVC creation fails",
				"PVC … IAM permission error",
				"failed to provision volume with StorageClass … IAM",
				"ibm-vpc-block-csi-controller still holds the old key",
			},
			Means: "New block volumes are not made, attached or resized in this cluster; what is mounted goes on.",
			Cause: "The block storage controller read the old key when it started and keeps it.",
			Do: []Advice{
				{Text: "Refresh the master first, or the controller reads the old key once more:", Command: "ibmcloud ks cluster master refresh --cluster CLUSTER"},
				{Text: "Then let the controller start anew. Not the node plug-ins: they hold no key.", Command: "kubectl -n kube-system get pods -o name | grep ibm-vpc-block-csi-controller | xargs kubectl -n kube-system delete"},
				{Text: "The engine does both, and waits until the controller is ready, in every cluster of a scope.", Command: "starter run --user PERSON --mode plan --wait"},
			},
			Confidence: Documented,
		},
		{
			ID:    "autoscaler-after-reset",
			Title: "The autoscaler does nothing after a reset",
			Texts: []string{"autoscaling fails", "cluster-autoscaler still holds the old key", "cluster-autoscaler … IAM permission error"},
			Means: "Workers are neither added nor removed; pods stay pending when the cluster is full.",
			Cause: "The autoscaler read the old key when it started and keeps it.",
			Do: []Advice{
				{Text: "Refresh the master first:", Command: "ibmcloud ks cluster master refresh --cluster CLUSTER"},
				{Text: "Then let it start anew:", Command: "kubectl -n kube-system get pods -o name | grep cluster-autoscaler | xargs kubectl -n kube-system delete"},
			},
			Confidence: Documented,
		},
		{
			ID:    "owner-lacks-rights",
			Title: "The owner of the cluster key lacks rights in the infrastructure",
			Texts: []string{
				"Review … infrastructure user permissions",
				"worker node instance … can't be found",
				"worker node instance … can't be identified",
				"infrastructure credentials … missing the appropriate infrastructure permissions",
				"infrastructure authentication credentials are not authorized",
				"must be ordered with permission",
				"lose infra rights after a reset",
			},
			Means: "Workers cannot be ordered, reloaded or removed in any cluster of that region and resource group, whoever asks.",
			Cause: "Everybody's orders go out in the name of the key's owner. After a reset that is whoever did it; or the reset was made in another region or resource group than the cluster's.",
			Do: []Advice{
				{Text: "See who owns the key:", Command: "ibmcloud ks api-key info --cluster CLUSTER"},
				{Text: "See what the owner lacks:", Command: "ibmcloud ks infra-permissions get --region REGION"},
				{Text: "Grant it to the owner, or reset the key as an identity that has it:", Command: "ibmcloud target -g RESOURCE_GROUP && ibmcloud ks api-key reset --region REGION"},
			},
			Confidence: Documented,
		},
		{
			ID:    "registry-not-configured",
			Title: "A cluster could not be set up with the registry",
			Texts: []string{"cluster could not be configured with the registry", "Administrator role for Container Registry"},
			Means: "A new cluster cannot pull images. Running ones go on.",
			Cause: "The owner of the cluster key lacks Administrator on Container Registry, or has it for one region or resource group only: it must hold for the whole account.",
			Do: []Advice{
				{Text: "Grant it without a region and without a resource group:", Command: "ibmcloud iam user-policy-create FUNCTIONAL_ID --roles Administrator --service-name container-registry"},
			},
			Confidence: Documented,
		},
		{
			ID:    "image-pull-refused",
			Title: "Images cannot be pulled",
			Codes: []string{"ImagePullBackOff", "ErrImagePull"},
			Texts: []string{"unauthorized: authentication required", "pull access denied"},
			Means: "Pods that start anew in this cluster do not come up; those that run go on.",
			Cause: "If it began when somebody left: a pull secret holds that person's own API key. The secrets that IBM makes belong to the cluster and survive.",
			Do: []Advice{
				{Text: "See which pull secrets the pod uses:", Command: "kubectl -n NAMESPACE get pod POD -o jsonpath='{.spec.imagePullSecrets}'"},
				{Text: "Make the cluster's own pull secrets anew:", Command: "ibmcloud ks cluster pull-secret apply --cluster CLUSTER"},
			},
			Confidence: Inferred,
		},
		{
			ID:    "classic-account-gone",
			Title: "Classic clusters lost the infrastructure account they were made in",
			Texts: []string{"orphaned classic clusters", "orphaned cluster", "unable to connect to your Softlayer account"},
			Means: "Workers of these clusters can no longer be managed, and may be gone.",
			Cause: "The classic infrastructure account belonged to the person who left and disappeared with them. A reset does not cure it.",
			Do: []Advice{
				{Text: "Before anybody is removed: a plan refuses a person whose own credentials classic clusters use.", Command: "starter run --user PERSON --mode plan --wait"},
				{Text: "See which credentials a region uses:", Command: "ibmcloud ks credential get --region REGION"},
				{Text: "If it happened: move the workloads to new clusters and open a support case."},
			},
			Confidence: Documented,
		},
		{
			ID:    "no-classic-credentials",
			Title: "No classic credentials are stored",
			Codes: []string{"E0051"},
			Means: "Nothing is wrong: classic workers are ordered with the cluster key.",
			Cause: "Nobody stored classic credentials for this region and resource group. Where they are stored, they come before the key, and a reset does not change who orders.",
			Do: []Advice{
				{Text: "Nothing. To look yourself:", Command: "ibmcloud ks credential get --region REGION"},
			},
			Confidence: Documented,
		},
		{
			ID:    "cluster-not-found",
			Title: "The cluster could not be found",
			Codes: []string{"E0008", "G0004"},
			Texts: []string{"specified cluster could not be found"},
			Means: "The cluster is gone, or whoever asks cannot see it.",
			Cause: "It was deleted, or the account or resource group that is targeted is another one, or a role is missing: IBM says the same for all three.",
			Do: []Advice{
				{Text: "See whether it is there:", Command: "ibmcloud target -g RESOURCE_GROUP && ibmcloud ks cluster ls"},
				{Text: "If a run holds because of a cluster that was deleted meanwhile, a retry goes on without it:", Command: "starter resolve PERSON --action retry --by YOU"},
			},
			Confidence: Reported,
		},
		{
			ID:    "worker-not-found",
			Title: "The worker could not be found",
			Codes: []string{"E0011"},
			Texts: []string{"specified worker node could not be found"},
			Means: "The worker is gone. An offboarding never touches workers.",
			Cause: "It was removed or replaced, by hand or by the autoscaler.",
			Do: []Advice{
				{Text: "See which there are:", Command: "ibmcloud ks worker ls --cluster CLUSTER"},
			},
			Confidence: Reported,
		},
		{
			ID:    "nothing-targeted",
			Title: "No account is targeted",
			Codes: []string{"E0058"},
			Means: "The command did nothing.",
			Cause: "The login has no account, organisation or space.",
			Do: []Advice{
				{Text: "Target one:", Command: "ibmcloud target -c ACCOUNT_ID -g RESOURCE_GROUP"},
			},
			Confidence: Reported,
		},
		{
			ID:    "too-many-requests",
			Title: "Too many requests",
			Codes: []string{"too_many_requests"},
			Texts: []string{"429 Too Many Requests", "status code: 429", "rate limit exceeded"},
			Means: "Everything takes longer. Nothing is broken.",
			Cause: "The Kubernetes service takes 200 requests in 10 seconds from one address; IAM publishes no number.",
			Do: []Advice{
				{Text: "Wait. A run obeys the time the service asks for; see what it waits for:", Command: "starter status PERSON"},
			},
			Confidence: Documented,
		},
		{
			ID:    "not-json",
			Title: "IBM answered with something that is not JSON",
			Texts: []string{
				"response contained unexpected content",
				"invalid character '<' looking for beginning of value",
				"input to unmarshall is nil",
				"non-JSON",
			},
			Means: "It is not known whether the call took effect. The engine looks before it repeats one.",
			Cause: "IAM's lists answer so now and then, most of all in accounts with many keys; a proxy on the way does, too.",
			Do: []Advice{
				{Text: "Wait: a run tries again by itself.", Command: "starter status PERSON"},
				{Text: "If it stays, look whether a proxy or a changed endpoint is in between:", Command: "starter check"},
			},
			Confidence: Reported,
		},
		{
			ID:    "cluster-unreachable",
			Title: "A cluster's own API cannot be reached",
			Texts: []string{"Unable to connect to the server", "dial tcp … i/o timeout", "dial tcp … no route to host"},
			Means: "The key of the scope can be handed over all the same; what must be restarted in this cluster must be restarted by hand.",
			Cause: "The cluster has a private endpoint only, and the worker runs outside of its network.",
			Do: []Advice{
				{Text: "From inside the network restart what reads the key:", Command: "kubectl -n kube-system get pods -o name | grep -E 'csi-controller|cluster-autoscaler' | xargs kubectl -n kube-system delete"},
				{Text: "Then say so:", Command: "starter resolve PERSON --action retry --by YOU --note 'restarted by hand'"},
			},
			Confidence: Inferred,
		},
	}
}
