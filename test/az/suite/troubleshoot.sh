"$FAIRLEAD_BINARY" image diagnoser --output "$work/diagnoser.tar" 2>/dev/null
bench load --name "$cluster" "$work/diagnoser.tar" 2>/dev/null
works "troubleshoot" "" connectedk8s troubleshoot -n quay-1 -g shops
holds "troubleshoot found nothing" "didn't find any issues" sh -c "cat $work/.azure/arc_diagnostic_logs/*/diagnoser_output.txt"
holds "troubleshoot saw names" "DNS check passed" sh -c "cat $work/.azure/arc_diagnostic_logs/*/dns_check.txt"
holds "troubleshoot reached the hub" "passed successfully" sh -c "cat $work/.azure/arc_diagnostic_logs/*/outbound_network_connectivity_check.txt"
holds "troubleshoot has the ConnectedCluster" "Agent Version" sh -c "cat $work/.azure/arc_diagnostic_logs/*/metadata_cr_snapshot.txt"
