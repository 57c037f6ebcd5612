refuses "connect: a location that is none" "location" connectedk8s connect -n quay-1 -g shops -l atlantis
works "connect, with pre-checks" "\"provisioningState\": \"Succeeded\"" connectedk8s connect -n quay-1 -g shops -l local --tags site=quay
holds "pre-checks were run, and all passed" "passed successfully" sh -c "cat $work/.azure/pre_onboarding_check_logs/*/dns_check.txt; exit 0"
holds "pre-checks reached the hub" "Onboarding : https://$DOMAIN/healthz : 200" sh -c "cat $work/.azure/pre_onboarding_check_logs/*/*job_log.txt"
holds "the key is a Secret of az's own making" "azure-arc-connect-privatekey" kube get secret -n azure-arc azure-arc-connect-privatekey -o name
holds "helm owns the namespace" "azure-arc-release" kube get namespace azure-arc -o jsonpath='{.metadata.annotations.meta\.helm\.sh/release-namespace}'
holds "all agents are available" "^7$" sh -c "kubectl --kubeconfig $work/kubeconfig get deploy -n azure-arc -o jsonpath='{range .items[*]}{.status.availableReplicas}{\"\n\"}{end}' | grep -c '^1'"
works "the service principal of custom locations" "^[0-9a-f-]{36}$" ad sp show --id bc313c14-388c-4e7d-a58e-70017303ee3b --query id -o tsv
custom_locations=$(cat "$work/out")
holds "custom locations are on" "\"customLocations\":\{\"enabled\":true" helm_values
holds "custom locations have its object id" "\"oid\":\"$custom_locations\"" helm_values
refuses "connect: the same cluster under another name" "already|exists|connected" connectedk8s connect -n quay-2 -g shops -l local
