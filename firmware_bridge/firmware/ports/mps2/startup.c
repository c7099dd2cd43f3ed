#include <stdint.h>

extern uint32_t __etext, __data_start, __data_end, __bss_start, __bss_end, __stack_top;
int main(void);
void SysTick_Handler(void);
#define OPTIONAL __attribute__((weak)) /* the image in lock step has no UARTs, and does not enable their interrupts */
OPTIONAL void UART0_RX_Handler(void);
OPTIONAL void UART0_TX_Handler(void);
OPTIONAL void UART1_RX_Handler(void);
OPTIONAL void UART1_TX_Handler(void);
OPTIONAL void UART_Overflow_Handler(void);
void NMI_Handler(void);
void HardFault_Handler(void);
void Reset_Handler(void);

void Reset_Handler(void)
{
    uint32_t *from = &__etext, *to = &__data_start;
    while (to < &__data_end) *to++ = *from++;
    for (to = &__bss_start; to < &__bss_end;) *to++ = 0;
    main();
    for (;;) {}
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))(uintptr_t)&__stack_top,
    Reset_Handler, NMI_Handler, HardFault_Handler, HardFault_Handler, HardFault_Handler, HardFault_Handler, 0, 0, 0, 0,
    HardFault_Handler, HardFault_Handler, 0, HardFault_Handler, SysTick_Handler,
    UART0_RX_Handler, UART0_TX_Handler, UART1_RX_Handler, UART1_TX_Handler, /* IRQ 0 to 3 */
    HardFault_Handler, HardFault_Handler, HardFault_Handler, HardFault_Handler,
    HardFault_Handler, HardFault_Handler, HardFault_Handler, HardFault_Handler, UART_Overflow_Handler, /* IRQ 12 */
};
